/** A bar: the heights of its layers, from below, and what it says when pointed at. */
export interface Bar {
  key: string;
  layers: number[];
  title: string;
  /** Text below the bar; null for most. */
  label: string | null;
}

/** Height of the drawing, and of the room for the labels below it, in pixels. */
const PLOT_HEIGHT = 160;
const LABELS_HEIGHT = 20;
/** Share of a bar's place that it takes. */
const BAR_WIDTH = 0.84;
const MAX_LINES = 5;

/** Returns the distance of the lines of a scale: 1, 2 or 5 times a power of ten, at most `MAX_LINES` of them. */
export function stepOf(most: number): number {
  for (let power = 1; ; power *= 10) {
    for (const step of [power, 2 * power, 5 * power]) if (step * MAX_LINES >= most) return step;
  }
}

/** Bars of layers, each in its colour. Positions across are in percent, so that the drawing follows the width of the page. */
export function BarChart({
  bars,
  colors,
  format,
  summary,
  testId,
}: {
  bars: Bar[];
  /** Classes of the layers. */
  colors: string[];
  /** Text of a line of the scale. */
  format: (value: number) => string;
  /** Text for those who do not see the drawing. */
  summary: string;
  testId: string;
}) {
  const most = Math.max(...bars.map(({ layers }) => layers.reduce((sum, one) => sum + one, 0)), 1);
  const step = stepOf(most);
  const lines = Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => index * step);
  const height = (value: number) => (value / (lines.at(-1) ?? 1)) * PLOT_HEIGHT;
  const across = (place: number) => `${(place / bars.length) * 100}%`;
  return (
    <div className="chart">
      <svg role="img" data-testid={testId} width="100%" height={PLOT_HEIGHT + LABELS_HEIGHT} aria-label={summary}>
        {lines.map((line) => (
          <g key={line}>
            <line x2="100%" y1={PLOT_HEIGHT - height(line)} y2={PLOT_HEIGHT - height(line)} />
            <text x={-6} y={PLOT_HEIGHT - height(line)} dy="0.35em" textAnchor="end">
              {format(line)}
            </text>
          </g>
        ))}
        {bars.map(({ key, layers, title, label }, index) => {
          let below = 0;
          return (
            <g key={key}>
              <title>{title}</title>
              <rect className="hour" x={across(index)} width={across(1)} height={PLOT_HEIGHT} />
              {layers.map((value, layer) => {
                below += value;
                return value === 0 ? null : (
                  <rect
                    key={colors[layer]}
                    className={colors[layer]}
                    x={across(index + (1 - BAR_WIDTH) / 2)}
                    width={across(BAR_WIDTH)}
                    y={PLOT_HEIGHT - height(below)}
                    height={height(value)}
                  />
                );
              })}
              {label !== null && (
                <text x={across(index + 0.5)} y={PLOT_HEIGHT + LABELS_HEIGHT - 5} textAnchor="middle">
                  {label}
                </text>
              )}
            </g>
          );
        })}
      </svg>
    </div>
  );
}
