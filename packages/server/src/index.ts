export { etcdVersion } from './api/etcd-version.ts';
export { openBackupFile, saveBackup, type SavedBackup } from './backup/backup-file.ts';
export { type RestoredBackup, restoreBackup, type RestoreOptions } from './backup/restore-backup.ts';
export { ConfigurationError, type ConfigurationProblem } from './configuration/configuration-error.ts';
export { environmentVariableOf, flagOf, type Option } from './configuration/option.ts';
export { configFileOption, options } from './configuration/options.ts';
export {
  type ConfigurationSources,
  type ParsedConfiguration,
  parseConfiguration,
} from './configuration/parse-configuration.ts';
export { configurationHelp } from './configuration/reference-page.ts';
export type { ServerConfiguration } from './configuration/server-configuration.ts';
export { createLogger, type LogStream } from './logging/create-logger.ts';
export { type RunningServer, type StartOptions, startServer } from './server.ts';
export { isStateDamage } from './state-damage.ts';
export { forceNewCluster, type ForcedCluster, type LostQuorum } from './recovery/force-new-cluster.ts';
export { ServerError, type ServerErrorCode } from './server-error.ts';
