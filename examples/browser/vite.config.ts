// The page's script is its worker's too. There Vite's polyfill for browsers that cannot preload modules would look for a document in vain.
export default { build: { modulePreload: { polyfill: false } } };
