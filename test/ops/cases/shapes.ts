import * as k from "kasane";
import { type CaseTable, list, of, spread, whole } from "./case.js";

const cube = spread([2, 3, 4]);
const matrix = spread([3, 4]);
const ids = whole([5, 2, 7, 1, 9, 4], [2, 3]);

/** What moves elements. */
export const shapes: CaseTable = {
  reshape: [of("to given sizes", [cube], (x) => k.reshape(x, [4, 6])), of("with a size left open", [cube], (x) => k.reshape(x, [2, -1]))],
  transpose: [
    of("of the last two axes", [cube], (x) => k.transpose(x)),
    of("to an order of axes", [cube], (x) => k.transpose(x, [2, 0, 1])),
    of("twice", [cube], (x) => k.transpose(k.transpose(x, [2, 0, 1]).mul(2), [-1, 0, 1])),
    of("of whole numbers", [ids], (x) => k.transpose(x)),
  ],
  permute: [of("to an order of axes", [cube], (x) => k.permute(x, [1, -1, 0]))],
  expand: [
    of("of axes of size 1", [spread([2, 1, 3])], (x) => k.expand(x, [2, 4, 3])),
    of("by new axes", [spread([1, 3])], (x) => k.expand(x, [2, 2, 3])),
    of("of whole numbers", [ids], (x) => k.expand(x, [2, 2, 3])),
  ],
  squeeze: [
    of("of all", [spread([1, 3, 1])], (x) => k.squeeze(x)),
    of("of one axis", [spread([1, 3, 1])], (x) => k.squeeze(x, { axis: -1 })),
  ],
  unsqueeze: [
    of("of one axis", [matrix], (x) => k.unsqueeze(x, { axis: 1 })),
    of("of two axes", [matrix], (x) => k.unsqueeze(x, { axis: [0, -1] })),
  ],
  concat: [
    of("along the first axis", [spread([1, 3]), spread([2, 3])], (a, b) => k.concat([a, b])),
    of("along the last axis", [spread([2, 1]), spread([2, 3]), spread([2, 2])], (...parts) => k.concat(parts, { axis: -1 })),
    of("of one tensor with itself", [matrix], (x) => k.concat([x, x], { axis: 1 })),
    of("of whole numbers", [ids, ids], (a, b) => k.concat([a, b], { axis: 1 })),
  ],
  stack: [
    of("in front", [matrix, matrix], (a, b) => k.stack([a, b])),
    of("behind", [matrix, matrix, matrix], (...parts) => k.stack(parts, { axis: -1 })),
    of("of whole numbers", [ids, ids], (a, b) => k.stack([a, b], { axis: 1 })),
  ],
  unstack: [of("of matrices", [spread([3, 2, 2])], k.unstack), of("of a vector", [spread([3])], k.unstack)],
  split: [
    of("into equal parts", [matrix], (x) => k.split(x, 2, { axis: 1 })),
    of("into given sizes", [matrix], (x) => k.split(x, [1, 2])),
    of("of which one is used", [matrix], (x) => k.split(x, [1, 2, 1], { axis: -1 })[1] as k.Tensor),
    of("of whole numbers", [ids], (x) => k.split(x, [1, 2], { axis: 1 })),
  ],
  slice: [
    of("of one axis", [matrix], (x) => k.slice(x, [[1, 3]])),
    of("counted from the end", [matrix], (x) => k.slice(x, [[], [-3, -1]])),
    of("with a step", [spread([7, 2])], (x) => k.slice(x, [[0, null, 3]])),
    of("with a step that ends early", [spread([8])], (x) => k.slice(x, [[1, 7, 2]])),
    of("backwards", [spread([7])], (x) => k.slice(x, [[null, null, -1]])),
    of("backwards with a step", [spread([7, 3])], (x) =>
      k.slice(x, [
        [5, 0, -2],
        [null, null, -2],
      ]),
    ),
    of("past the ends", [matrix], (x) =>
      k.slice(x, [
        [-9, 9],
        [1, 99],
      ]),
    ),
    of("of one element", [matrix], (x) => k.slice(x, [[1, 2], [-1]])),
    of("of whole numbers", [whole([1, 2, 3, 4])], (x) => k.slice(x, [[1, 3]])),
  ],
  pad: [
    of("with zeros", [matrix], (x) =>
      k.pad(x, [
        [1, 0],
        [2, 3],
      ]),
    ),
    of("with a value", [matrix], (x) =>
      k.pad(
        x,
        [
          [0, 1],
          [1, 0],
        ],
        -2.5,
      ),
    ),
    of("of whole numbers", [ids], (x) =>
      k.pad(
        x,
        [
          [0, 1],
          [1, 0],
        ],
        3,
      ),
    ),
    of("with its elements in reverse", [matrix], (x) =>
      k.pad(
        x,
        [
          [2, 1],
          [0, 3],
        ],
        "reflect",
      ),
    ),
    of("with its ends", [cube], (x) =>
      k.pad(
        x,
        [
          [0, 0],
          [1, 2],
          [5, 0],
        ],
        "replicate",
      ),
    ),
    of("with its other end", [matrix], (x) =>
      k.pad(
        x,
        [
          [3, 1],
          [0, 4],
        ],
        "circular",
      ),
    ),
    of("with whole numbers in reverse", [ids], (x) =>
      k.pad(
        x,
        [
          [1, 1],
          [2, 2],
        ],
        "reflect",
      ),
    ),
  ],
  flip: [
    of("of all axes", [matrix], (x) => k.flip(x)),
    of("of one axis", [matrix], (x) => k.flip(x, { axis: -1 })),
    of("of whole numbers", [ids], (x) => k.flip(x)),
  ],
  tile: [
    of("of each axis", [matrix], (x) => k.tile(x, [2, 3])),
    of("into more axes", [matrix], (x) => k.tile(x, [2, 1, 2])),
    of("of the last axis", [matrix], (x) => k.tile(x, [2])),
    of("of whole numbers", [ids], (x) => k.tile(x, [2, 2])),
  ],
  roll: [
    of("forwards", [matrix], (x) => k.roll(x, 1)),
    of("backwards along an axis", [matrix], (x) => k.roll(x, -3, { axis: 1 })),
    of("all the way round", [matrix], (x) => k.roll(x, 4, { axis: -1 })),
    of("of whole numbers", [ids], (x) => k.roll(x, 1, { axis: 1 })),
  ],
  triu: [
    of("of a matrix", [matrix], (x) => k.triu(x)),
    of("of matrices, above a diagonal", [cube], (x) => k.triu(x, 1)),
    of("of whole numbers", [ids], (x) => k.triu(x)),
  ],
  tril: [of("of a matrix", [matrix], (x) => k.tril(x)), of("of matrices, below a diagonal", [cube], (x) => k.tril(x, -1))],
};

/** What picks elements. */
export const indexing: CaseTable = {
  gather: [
    of("of rows", [spread([4, 3]), whole([2, 0, 2, 3])], (x, indices) => k.gather(x, indices)),
    of("of rows by a table of indices", [spread([4, 3]), whole([2, 0, 2, 3, 1, 1], [2, 3])], (x, indices) => k.gather(x, indices)),
    of("along the middle axis", [cube, whole([2, 0, 2, 1])], (x, indices) => k.gather(x, indices, { axis: 1 })),
    of("along the last axis by a table", [cube, whole([3, 0, 1, 1], [2, 2])], (x, indices) => k.gather(x, indices, { axis: -1 })),
    of("of one row", [spread([4, 3]), whole([2], [])], (x, index) => k.gather(x, index)),
    of("counted from the end", [spread([4, 3]), whole([-1, 0, -4])], (x, indices) => k.gather(x, indices)),
    of("of whole numbers", [whole([5, 6, 7]), whole([2, 0])], (x, indices) => k.gather(x, indices)),
  ],
  takeAlongAxis: [
    of("of fewer rows, from the end", [matrix, whole([-1, 3, -4, 0], [2, 2])], (x, indices) => k.takeAlongAxis(x, indices)),
    of("along the last axis", [matrix, whole([0, 3, 1, 1, 2, 0], [3, 2])], (x, indices) => k.takeAlongAxis(x, indices)),
    of("along the first axis", [matrix, whole([0, 2, 1, 1, 2, 0, 2, 2], [2, 4])], (x, indices) => k.takeAlongAxis(x, indices, { axis: 0 })),
    of("of whole numbers", [ids, whole([2, 0], [2, 1])], (x, indices) => k.takeAlongAxis(x, indices)),
  ],
  scatterAdd: [
    of("of fewer rows, from the end", [matrix, whole([-1, 3, -4], [1, 3]), spread([1, 3])], (x, indices, updates) =>
      k.scatterAdd(x, indices, updates),
    ),
    of("along the last axis", [matrix, whole([0, 3, 1, 1, 2, 2], [3, 2]), spread([3, 2])], (x, indices, updates) =>
      k.scatterAdd(x, indices, updates),
    ),
    of("along the first axis", [matrix, whole([0, 2, 1, 1, 0, 0, 1, 2], [2, 4]), spread([2, 4])], (x, indices, updates) =>
      k.scatterAdd(x, indices, updates, { axis: 0 }),
    ),
    of("of whole numbers", [ids, whole([2, 0, 0, 0], [2, 2]), whole([1, 2, 3, 4], [2, 2])], (x, indices, updates) =>
      k.scatterAdd(x, indices, updates),
    ),
  ],
  oneHot: [of("of indices", [whole([2, 0, 1])], (indices) => k.oneHot(indices, 4))],
  topK: [
    of("of the greatest", [matrix], (x) => {
      const { values, indices } = k.topK(x, 2);
      return [values, indices];
    }),
    of("of the least along an axis", [matrix], (x) => {
      const { values, indices } = k.topK(x, 2, { axis: 0, largest: false });
      return [values, indices];
    }),
    of("of whole numbers", [ids], (x) => {
      const { values, indices } = k.topK(x, 2);
      return [values, indices];
    }),
  ],
  sort: [
    of("ascending", [matrix], (x) => {
      const { values, indices } = k.sort(x);
      return [values, indices];
    }),
    of("descending along an axis", [matrix], (x) => {
      const { values, indices } = k.sort(x, { axis: 0, descending: true });
      return [values, indices];
    }),
    of("of whole numbers", [ids], (x) => {
      const { values, indices } = k.sort(x, { axis: 0 });
      return [values, indices];
    }),
  ],
};

/** Products of matrices. */
export const products: CaseTable = {
  matmul: [
    of("of matrices", [spread([2, 3]), spread([3, 4])], k.matmul),
    of("of batches", [spread([2, 2, 3]), spread([2, 3, 2])], k.matmul),
    of("of batches that broadcast", [spread([2, 1, 2, 3]), spread([3, 3, 2])], k.matmul),
    of("of a batch and a matrix", [spread([2, 2, 3]), spread([3, 4])], k.matmul),
    of("of a matrix and a batch", [spread([2, 3]), spread([2, 3, 2])], k.matmul),
    of("of a vector and a matrix", [spread([3]), spread([3, 4])], k.matmul),
    of("of a matrix and a vector", [spread([2, 3]), spread([3])], k.matmul),
    of("of vectors", [spread([3]), spread([3])], k.matmul),
    of("of a batch and a vector", [spread([2, 2, 3]), spread([3])], k.matmul),
    of("of transposes", [spread([3, 2]), spread([4, 3])], (a, b) => k.matmul(a.transpose(), b.transpose())),
    of("of one transpose", [spread([2, 3]), spread([4, 3])], (a, b) => k.matmul(a, b.transpose())),
    of("of whole numbers", [whole([1, 2, 3, 4], [2, 2]), whole([5, 6, 7, 8], [2, 2])], k.matmul),
  ],
  einsum: [
    of("ij,jk->ik", [spread([2, 3]), spread([3, 4])], (a, b) => k.einsum("ij,jk->ik", a, b)),
    of("bij,bjk->bki", [spread([2, 2, 3]), spread([2, 3, 2])], (a, b) => k.einsum("bij,bjk->bki", a, b)),
    of("i,j->ij", [spread([2]), spread([3])], (a, b) => k.einsum("i,j->ij", a, b)),
    of("ij,ij->i", [spread([2, 3]), spread([2, 3])], (a, b) => k.einsum("ij,ij->i", a, b)),
    of("ij,ij->", [spread([2, 3]), spread([2, 3])], (a, b) => k.einsum("ij,ij->", a, b)),
    of("ij->ji", [spread([2, 3])], (a) => k.einsum("ij->ji", a)),
    of("ijk->j", [spread([2, 3, 2])], (a) => k.einsum("ijk->j", a)),
    of("ij,jk,kl->il", [spread([2, 3]), spread([3, 2]), spread([2, 3])], (...x) => k.einsum("ij,jk,kl->il", ...x)),
    of("bhqd,bhkd->bhqk", [spread([2, 2, 2, 3]), spread([2, 2, 3, 3])], (a, b) => k.einsum("bhqd,bhkd->bhqk", a, b)),
    of("implied output", [spread([2, 3]), spread([3, 2])], (a, b) => k.einsum("ab,bc", a, b)),
    of("ij,k->j", [spread([2, 3]), spread([2])], (a, b) => k.einsum("ij,k->j", a, b)),
    of("bi,oij,bj->bo", [spread([2, 2]), spread([3, 2, 2]), spread([2, 2])], (...x) => k.einsum("bi,oij,bj->bo", ...x)),
  ],
};

/** What makes tensors of none, or of their type alone. */
export const create: CaseTable = {
  tensor: [
    of("of nested arrays", [], () =>
      k.tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]),
    ),
    of("of a typed array", [], () => k.tensor(Float32Array.of(1, 2, 3, 4), { shape: [2, 2] })),
  ],
  zeros: [of("of a shape", [], () => k.zeros([2, 3]))],
  ones: [of("of a shape", [], () => k.ones([2, 3]))],
  full: [of("of a value", [], () => k.full([2, 2], -1.5))],
  zerosLike: [of("of a tensor", [matrix], (x) => k.zerosLike(x))],
  onesLike: [of("of a tensor", [matrix], (x) => k.onesLike(x))],
  arange: [
    of("to a number", [], () => k.arange(5)),
    of("between numbers by a step", [], () => k.arange(7, 1, -2)),
    of("of fractions", [], () => k.arange(0, 1, 0.25, "float32")),
  ],
  eye: [of("square", [], () => k.eye(3)), of("of more columns", [], () => k.eye(2, 4))],
  cast: [
    of("of fractions to whole numbers", [list([-1.7, -0.2, 0.9, 2.5])], (x) => k.cast(x, "int32"), { bent: true }),
    of("of whole numbers to fractions", [whole([-1, 0, 2])], (x) => k.cast(x, "float32")),
    of("to truth values", [list([-1.5, 0, 0.25])], (x) => k.cast(x, "bool"), { bent: true }),
  ],
};
