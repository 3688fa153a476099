import { metrics } from "kasane";
import { fittedTable } from "../layout.js";
import { accuracyOf, largest } from "./tune.js";

/** Logits of examples, and the indices of their classes. */
export interface Judged {
  readonly part: "validation" | "test";
  readonly rows: readonly Float32Array[];
  readonly targets: ArrayLike<number>;
}

/** Figures of judged examples. */
export function figuresOf({ rows, targets }: Judged, classes: number) {
  const confusion = new metrics.Confusion(classes);
  confusion.add(rows.map(largest), targets);
  return { examples: rows.length, accuracy: accuracyOf(rows, targets), macroF1: confusion.f1(), confusion };
}

/** Classes and confusions that a report lists, at most. */
const listed = 12;

/** What came of a training, in Markdown. */
export function reportOf(
  title: string,
  names: readonly string[],
  settings: Readonly<Record<string, unknown>>,
  judged: readonly Judged[],
): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const table = (headings: readonly string[], rows: readonly (readonly string[])[]) =>
    [headings, headings.map(() => "---"), ...rows]
      .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
      .join("\n");
  const last = judged.at(-1) as Judged;
  const { confusion } = figuresOf(last, names.length);
  const classes = names.map((name, c) => ({
    name,
    count: countOf(last.targets, c),
    precision: confusion.precision(c),
    recall: confusion.recall(c),
    f1: confusion.f1(c),
  }));
  const worst = classes
    .filter(({ count }) => count > 0)
    .sort((a, b) => a.f1 - b.f1)
    .slice(0, listed);
  const pairs = names
    .flatMap((target, t) => names.map((predicted, p) => ({ target, predicted, count: t === p ? 0 : confusion.count(t, p) })))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, listed);
  const sections = [
    `# ${title}`,
    table(
      ["setting", "value"],
      Object.entries(settings).map(([name, value]) => [name, String(value)]),
    ),
    table(
      ["part", "examples", "accuracy", "macro F1"],
      judged.map((each) => {
        const { examples, accuracy, macroF1 } = figuresOf(each, names.length);
        return [each.part, String(examples), percent(accuracy), macroF1.toFixed(3)];
      }),
    ),
    `## Classes that are told worst (${last.part})`,
    table(
      ["class", "examples", "precision", "recall", "F1"],
      worst.map(({ name, count, precision, recall, f1 }) => [name, String(count), percent(precision), percent(recall), f1.toFixed(3)]),
    ),
    ...(pairs.length === 0
      ? []
      : [
          `## What is most often taken for what (${last.part})`,
          table(
            ["class", "taken for", "times"],
            pairs.map(({ target, predicted, count }) => [target, predicted, String(count)]),
          ),
        ]),
  ];
  return `${sections.join("\n\n")}\n`;
}

const countOf = (targets: ArrayLike<number>, c: number): number => Array.from(targets).filter((target) => target === c).length;

/** The figures of each part as a table for the terminal. */
export const figuresTable = (judged: readonly Judged[], classes: number): string =>
  fittedTable(
    ["part", "examples", "accuracy", "macro F1"],
    judged.map((each) => {
      const { examples, accuracy, macroF1 } = figuresOf(each, classes);
      return [each.part, String(examples), accuracy.toFixed(4), macroF1.toFixed(4)];
    }),
  );
