import type { EpochReport, MetricsLine, TrainingProgress } from '@mic/training';
import { svgChart } from './svg-chart';

type Line = MetricsLine & Partial<TrainingProgress> & Partial<EpochReport>;

/** The losses of a run by step, above its validation figures where it has any, from the lines of metrics.jsonl. */
export function drawLossCurves(lines: readonly MetricsLine[]): Promise<string> {
  const steps = lines.filter(({ kind }) => kind === 'steps') as Line[];
  const epochs = (lines.filter(({ kind }) => kind === 'epoch') as Line[]).filter(
    ({ validation }) => Object.keys(validation ?? {}).length > 0,
  );
  const losses = curves(steps, ({ losses }) => losses);
  const figures = curves(epochs, ({ validation }) => validation);
  const parts = losses.length > 1 ? [totalOf(steps), ...losses] : losses;
  const grids = figures.length > 0 ? [parts, figures] : [parts];
  const height = 320;
  return svgChart(
    {
      legend: { top: 4 },
      grid: grids.map((_, i) => ({ left: 56, right: 24, top: 40 + i * height, height: height - 90 })),
      xAxis: grids.map((_, gridIndex) => ({ type: 'value', name: 'step', gridIndex })),
      yAxis: grids.map((_, gridIndex) => ({
        type: 'value',
        scale: true,
        name: gridIndex === 0 ? 'loss' : 'validation',
        gridIndex,
      })),
      series: grids.flatMap((series, at) =>
        series.map(({ name, data }) => ({
          name,
          data,
          type: 'line' as const,
          showSymbol: at === 1,
          xAxisIndex: at,
          yAxisIndex: at,
        })),
      ),
    },
    { width: 760, height: height * grids.length },
  );
}

interface Curve {
  readonly name: string;
  readonly data: [x: number, y: number][];
}

function curves(
  lines: readonly Line[],
  valuesOf: (line: Line) => Readonly<Record<string, number>> | undefined,
): Curve[] {
  const names = [...new Set(lines.flatMap((line) => Object.keys(valuesOf(line) ?? {})))];
  return names.map((name) => ({
    name,
    data: lines.flatMap((line): [number, number][] => {
      const value = valuesOf(line)?.[name];
      return value === undefined ? [] : [[line.step, value]];
    }),
  }));
}

function totalOf(steps: readonly Line[]): Curve {
  const sum = (losses: Readonly<Record<string, number>>): number => Object.values(losses).reduce((a, b) => a + b, 0);
  return { name: 'all', data: steps.map(({ step, losses }) => [step, sum(losses ?? {})]) };
}
