// jax-js asks the browser's `navigator`, which Node has from version 21 on.
if (!("navigator" in globalThis)) Object.assign(globalThis, { navigator: {} });
