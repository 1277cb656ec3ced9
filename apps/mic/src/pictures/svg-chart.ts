import type { EChartsOption } from 'echarts';

/** Draws a chart as an SVG that needs nothing else. @param size pixels */
export async function svgChart(option: EChartsOption, size: { width: number; height: number }): Promise<string> {
  const { init } = await import('echarts');
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
  chart.setOption({ animation: false, textStyle: { fontFamily: 'sans-serif' }, ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
