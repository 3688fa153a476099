import { check } from "../graph/error.js";
import { fromData, type Tensor } from "../graph/tensor.js";
import { checkPieces } from "./pieces.js";

/** The names of classes, and the index of each. */
export class LabelEncoder {
  private readonly indices: ReadonlyMap<string, number>;

  /** @param names in the order of their indices, each once */
  constructor(readonly names: readonly string[]) {
    check(names.length > 0, () => "LabelEncoder: got no names");
    this.indices = new Map(names.map((name, i) => [name, i]));
    check(this.indices.size === names.length, () => "LabelEncoder: a name is there twice");
  }

  /** The distinct values in ascending order. */
  static of(values: Iterable<string>): LabelEncoder {
    checkPieces("LabelEncoder", values);
    return new LabelEncoder([...new Set(values)].sort((a, b) => (a < b ? -1 : 1)));
  }

  /**
   * The indices of labels, int32 `[labels]`.
   * @throws KasaneError where a label is none of {@link names}
   */
  encode(labels: readonly string[]): Tensor {
    return fromData(
      Int32Array.from(labels, (label) => this.indexOf(label)),
      [labels.length],
      "int32",
    );
  }

  /** 1 in the column of each label and 0 elsewhere, float32 `[labels, names]`. */
  oneHot(labels: readonly string[]): Tensor {
    const width = this.names.length;
    const cells = new Float32Array(labels.length * width);
    labels.forEach((label, i) => {
      cells[i * width + this.indexOf(label)] = 1;
    });
    return fromData(cells, [labels.length, width], "float32");
  }

  /** The names of class indices, such as those of an argmax. */
  decode(indices: ArrayLike<number | bigint>): string[] {
    return Array.from(indices, (index) => {
      const name = this.names[Number(index)];
      check(name !== undefined, () => `LabelEncoder: class ${index}, expected 0 to ${this.names.length - 1}`);
      return name;
    });
  }

  private indexOf(label: string): number {
    const index = this.indices.get(label);
    const shown = this.names.slice(0, 10).join(", ");
    check(
      index !== undefined,
      () =>
        `LabelEncoder: unknown label ${JSON.stringify(String(label).slice(0, 80))}: expected one of ${shown}${this.names.length > 10 ? ", ..." : ""}`,
    );
    return index;
  }
}
