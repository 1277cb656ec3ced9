export { ServiceMetrics } from './service-metrics';
export { serveMetrics, type MetricsServer } from './serve-metrics';
