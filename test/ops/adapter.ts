import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { requireDevice } from "../../src/runtime/ort/devices.js";

/** Where Debian's chromium keeps SwiftShader, which draws and computes on the CPU as a GPU would. */
const swiftShader = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** Whether WebGPU runs here: on SwiftShader where it is installed (with libvulkan1), else on the machine's own adapter. Says so where not. */
export async function hasWebGPU(): Promise<boolean> {
  if (existsSync(swiftShader)) process.env.VK_ICD_FILENAMES ??= swiftShader;
  process.env.XDG_RUNTIME_DIR ??= tmpdir();
  try {
    await requireDevice("webgpu");
    return true;
  } catch {
    console.warn(
      "SKIPPED: no WebGPU adapter here, so nothing is tested on WebGPU. Debian's chromium and libvulkan1 bring one that needs no GPU.",
    );
    return false;
  }
}
