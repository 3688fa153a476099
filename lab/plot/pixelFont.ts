/** Signs of 3 x 5 pixels, each row an octal digit: its three bits are the pixels from the left. */
const signs: Readonly<Record<string, string>> = {
  A: "25755",
  B: "65656",
  C: "34443",
  D: "65556",
  E: "74647",
  F: "74644",
  G: "34553",
  H: "55755",
  I: "72227",
  J: "11152",
  K: "55655",
  L: "44447",
  M: "57755",
  N: "65555",
  O: "25552",
  P: "65644",
  Q: "25563",
  R: "65655",
  S: "34216",
  T: "72222",
  U: "55557",
  V: "55552",
  W: "55775",
  X: "55255",
  Y: "55222",
  Z: "71247",
  "0": "75557",
  "1": "26227",
  "2": "61247",
  "3": "61216",
  "4": "55711",
  "5": "74616",
  "6": "34757",
  "7": "71222",
  "8": "75757",
  "9": "75716",
  " ": "00000",
  ".": "00002",
  ",": "00024",
  ":": "02020",
  "-": "00700",
  "+": "02720",
  "%": "51245",
  "/": "11244",
  _: "00007",
  "(": "24442",
  ")": "21112",
};

/** What stands for a sign that is not known: a frame. */
const unknown = "75557";

/** The height of a sign in pixels; each is 3 wide, with one pixel between two. */
export const signHeight = 5;

/** How many pixels wide a text is. */
export const textWidth = (text: string): number => Math.max(0, 4 * [...text].length - 1);

/** Calls `put` for each pixel of a text, counted from its upper left corner. Small letters are drawn as large ones. */
export function drawText(text: string, put: (x: number, y: number) => void): void {
  [...text.toUpperCase()].forEach((sign, i) => {
    [...(signs[sign] ?? unknown)].forEach((row, y) => {
      for (let x = 0; x < 3; x++) if ((Number(row) >> (2 - x)) & 1) put(4 * i + x, y);
    });
  });
}
