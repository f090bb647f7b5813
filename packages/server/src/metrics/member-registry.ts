import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { HistogramMetric, SampledMetric } from './metric.ts';
import type { WriteMeter } from './measured-file-system.ts';
import { logFlushSeconds, memberMetrics, type MetricSources } from './member-metrics.ts';

/** Metrics in Prometheus' text format. */
export type MetricsText = { readonly contentType: string; readonly text: string };

/** What is told of one metric beside its values. */
export type MetricDescription = { readonly name: string; readonly type: string; readonly help: string };

/**
 * What one member tells about itself and its process. Values are looked up when somebody asks; only the log's
 * flushes are counted as they happen.
 */
export class MemberRegistry implements WriteMeter {
  private readonly registry = new Registry();
  private readonly logFlushes: Histogram;
  private logBytes = 0;
  private peers: MetricSources['peers'] = () => [];

  constructor() {
    this.logFlushes = this.observed(logFlushSeconds);
  }

  flushed(durationMs: number): void {
    this.logFlushes.observe(durationMs / 1000);
  }

  written(bytes: number): void {
    this.logBytes += bytes;
  }

  /** From now on `peers` tells how the member is connected. */
  followPeers(peers: MetricSources['peers']): void {
    this.peers = peers;
  }

  /** From now on the member's metrics are there, too. Called once, when it has all its parts. */
  describe(member: Pick<MetricSources, 'replica' | 'calls' | 'version'>): void {
    const sources = { ...member, peers: () => this.peers(), logBytes: () => this.logBytes };
    for (const metric of memberMetrics) this.sampled(metric, sources);
  }

  async descriptions(): Promise<readonly MetricDescription[]> {
    const metrics = [
      ...(await this.registry.getMetricsAsJSON()),
      ...(await processRegistry().getMetricsAsJSON()),
    ];
    return metrics.map(({ name, type, help }) => ({ name, type: String(type), help }));
  }

  async read(): Promise<MetricsText> {
    const own = await this.registry.metrics();
    const ofProcess = await processRegistry().metrics();
    return { contentType: this.registry.contentType, text: own + ofProcess };
  }

  private observed({ name, help, labels, buckets }: HistogramMetric): Histogram {
    return new Histogram({
      name,
      help,
      labelNames: [...labels],
      buckets: [...buckets],
      registers: [this.registry],
    });
  }

  private sampled(
    { name, kind, help, labels, read }: SampledMetric<MetricSources>,
    sources: MetricSources,
  ): void {
    const common = { name, help, labelNames: [...labels] };
    this.registry.registerMetric(
      kind === 'gauge'
        ? new Gauge({
            ...common,
            registers: [],
            collect() {
              this.reset();
              for (const { labels: own, value } of read(sources)) this.set({ ...own }, value);
            },
          })
        : new Counter({
            ...common,
            registers: [],
            collect() {
              this.reset();
              for (const { labels: own, value } of read(sources)) this.inc({ ...own }, value);
            },
          }),
    );
  }
}

let ofThisProcess: Registry | null = null;

/**
 * What Node.js knows about the process: one for all members in it, and none before somebody asks, because it
 * watches the event loop and garbage collections from then on.
 */
function processRegistry(): Registry {
  if (ofThisProcess === null) {
    ofThisProcess = new Registry();
    collectDefaultMetrics({ register: ofThisProcess });
  }
  return ofThisProcess;
}
