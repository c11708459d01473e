// Makes golden.json: the ids that @huggingface/tokenizers 0.2.0 (npm, Apache-2.0) gives for nasty texts, with tokenizer.json of this
// folder and with the same vocabulary under GPT-2's pre-tokenizer.
//
//   npm install @huggingface/tokenizers@0.2.0 && node golden.mjs > golden.json
import { readFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";

const letters = "abcdefghijklmnopqrstuvwxyz";
let state = 12345;
const random = (n) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0, (state >>> 8) % n);
const alphabet = [" ", "  ", "\t", "\n", "\r\n", "a", "Z", "_", "7", "42", "(", ")", ";", "=", "'s", "é", "e\u0301", "日", "😀", "\u00a0", "\u2028", "½", "٣", "\0", "return", "public"];
const jumble = (n) => Array.from({ length: n }, () => alphabet[random(alphabet.length)]).join("");

const texts = [
  "", " ", "  ", "\n", "\t", "\r\n", "\r", "a", " a", "  a", "   a", "\ta", " \ta", "\t a", "a ", "a  ", "\n a", "\n  a", "\n\n\n    a", "    \n    a\n  \n",
  "public static int Main(string[] args)\n{\n    return args.Length == 0 ? 1234567 : -1;\n}\n",
  "        if (_field != null && s_static[0x7FFF] >= 1e-10)\r\n\t\t{\r\n\t\t\tthrow new ArgumentException($\"{name}: {count,10:F2}\");\r\n\t\t}\r\n",
  "/// <summary>Gets or sets the value.</summary>\n", "x=>y;();{}[]<>!==??=...//---- ====", "1 12 123 1234 12345 1234567890123", "a1b22c333d4444", "__init__ _ __ m_x _1 1_000_000",
  "it's I'll we've don't 'tis O'Neil you'd 'm're 'S 'LL '''", "naïve café cafe\u0301 Ünïcödé ﬁ ǅ ʰ ª º", "日本語のテキスト、中文文本。한국어 텍스트!", "русский текст, ελληνικά; עברית العربية ١٢٣ ४५६", "हिन्दी में पाठ ไทย ภาษา தமிழ்",
  "😀👍🏽👨‍👩‍👧‍👦🏳️‍🌈🇩🇪 ok 😀😀😀", "𝒜𝓁𝑔𝑒𝒷𝓇𝒶 𝟘𝟙𝟚 𐍈𐌰 𠀀𠀁", "Z\u0351\u036b\u0343\u036aa\u0300\u0301\u0302l\u0334\u0335g\u0336o", "a\u0301\u0301 \u0301 \u0301a 1\u0301 ;\u0301",
  "zero\0width\0\0nul", "\u0001\u0002\u001f\u007f\u0080\u009f", "nbsp\u00a0thin\u2009line\u2028para\u2029ideo\u3000zwsp\u200b", "\v\f vertical\vform\f", "½ ¼ ² ³ ① Ⅷ ㊿ 1½", "tab\ttab\t\ttab  \t mixed \t  run",
  "<|mask|>", "a<|mask|>b", "<|mask|><|endoftext|><|pad|><|begin|>", " <|mask|> ", "<|mask|", "<|mas<|mask|>k|>", "<|MASK|>", "<|mask|>\n    <|pad|>", "\\u0000 \"quoted\" \\n", "\u{10ffff}\ufffd\uffff",
  "a".repeat(300), "ab".repeat(200), "/".repeat(500), " ".repeat(300) + "x", "\n".repeat(257), "\n" + " ".repeat(100) + "x", "=-".repeat(150), "é".repeat(100), "😀".repeat(80), "9".repeat(100),
  Array.from({ length: 600 }, () => letters[random(26)]).join(""),
  ...Array.from({ length: 60 }, (_, i) => jumble(5 + i)),
];

const json = JSON.parse(readFileSync("tokenizer.json", "utf8"));
const gpt2 = structuredClone(json);
gpt2.pre_tokenizer = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const [code, english] = [json, gpt2].map((definition) => new Tokenizer(definition, {}));
const encode = (tokenizer, text) => tokenizer.encode(text, { add_special_tokens: false }).ids;
console.log("[");
console.log(texts.map((text) => `  ${JSON.stringify({ text, ids: encode(code, text), gpt2Ids: encode(english, text) })}`).join(",\n"));
console.log("]");
