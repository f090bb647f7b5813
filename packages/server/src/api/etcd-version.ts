/**
 * The version of etcd whose API this server speaks. Clients read it to find out what they may use: at least
 * 3.5.13 for kube-apiserver, and nothing but numbers for Patroni.
 */
export const etcdVersion = '3.6.0';
