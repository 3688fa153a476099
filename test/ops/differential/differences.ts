/**
 * Where a function deliberately gives something else than PyTorch's, and why. The cases of test/fixtures/differential.py that meet one bear its
 * name: there PyTorch is asked for what ours is to give. A name in which it has none stands for an error.
 */
export const differences: Readonly<Record<string, string>> = {
  "activations of integers":
    "relu, leakyRelu, elu and the like of integers are float32, as exp is; PyTorch refuses most, and keeps integers in relu.",
  "arithmetic of booleans": "Booleans count as int32: true + true is 2. In PyTorch it is true, and differences and signs are refused.",
  "casts out of range":
    "A float beyond the range of int32 (of int64, where that is the target) becomes the nearest integer that it holds, NaN becomes 0; 8-bit types have the low bits. " +
    "PyTorch leaves it to the processor, whose types differ.",
  "divergence from 0": "klDivergence: a target of 0 has no entropy and no gradient of it; PyTorch's gradient is NaN.",
  "division by 0": "floorDiv and mod of integers by 0 are an error in both; in floats they are infinite or NaN.",
  "indices of 32 bits": "argmax, argmin, topK and sort give int32 indices, of which WebGPU has kernels; PyTorch gives int64.",
  "sign of NaN": "The sign of NaN is NaN, as in NumPy; in PyTorch it is 0.",
  "statistics of integers": "Means, softmax and the like of integers are float32; PyTorch refuses them.",
  "statistics of nothing": "Where nothing has no mean, maximum or index it is an error; PyTorch's mean of nothing is NaN.",
  "sums of 32 bits":
    "Sums, running sums and products of booleans and of integers up to 32 bits are int32, modulo 2^32; in PyTorch they are int64.",
  "windows of padding": "maxPool: a window that has nothing but padding is an error; in PyTorch its maximum is minus infinity.",
  "uint8 meets int8": "uint8 with int8 is int8, as no type of 16 bits is here; PyTorch gives int16.",
};

/** What is not compared with PyTorch in any case, and why; the executors are still compared with each other. */
export const notCompared: readonly string[] = [
  "The sign of a zero.",
  "The last digits of a small sigmoid: ONNX Runtime's kernel is off by 5e-8, and 0 below about -18.5, where the module and PyTorch have e^x. The logarithm of a sigmoid is computed whole.",
  "The gradient by an element that is NaN, or that meets NaN or another infinity at its place: there is no derivative.",
  "The gradient of a window of max pooling with NaN and infinity: ours goes to the first of them, PyTorch's to the last NaN.",
  "A gradient that is NaN in PyTorch, as of 0 times infinity: another form of the same derivative may have a number; ours may be NaN where PyTorch's is infinite.",
];
