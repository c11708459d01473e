// Makes the folder families: for each family of open diffusion models a small tokenizer.json of the same structure (components, settings,
// split pattern), and what @huggingface/tokenizers 0.2.0 (npm, Apache-2.0) encodes and decodes with it.
//
//   npm install @huggingface/tokenizers@0.2.0 && node families.mjs        (in this folder)
//
// Left out of the texts, because the two implementations differ on them by the language they are written in: U+0085 and U+FEFF (white
// space in JavaScript or not), ideographs beyond U+FFFF in BERT, a final sigma in lower case.
import { mkdirSync, writeFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";

let state = 99;
const random = (n) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0, (state >>> 8) % n);
const corpus = ("the quick brown fox jumps over the lazy dog. It's what we'll see in 2024: don't you'd they've I'm. " +
  "Diffusion language models fill the holes of a text. public static int Main(string[] args)\n{\n    return args.Length == 0 ? 1234567 : -1;\n}\n\n" +
  "naïve café déjà vu Ünïcödé. 日本語のテキスト、中文文本。한국어 텍스트! русский текст ελληνικά עברית العربية हिन्दी ไทย \n\n\n" +
  "<div>  <b>bold</b>   </div>\t\tx = y + 10 * (z - 3);\r\n the then there these other hello world hello ").repeat(2);

// Merges of byte-pair encoding: the most frequent pair, again and again; ties by spelling.
const train = (words, merges) => {
  const found = [];
  for (let n = 0; n < merges; n++) {
    const counts = new Map();
    for (const word of words) for (let i = 0; i + 1 < word.length; i++) {
      const pair = JSON.stringify([word[i], word[i + 1]]);
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
    const [best] = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0];
    const [left, right] = JSON.parse(best);
    found.push([left, right]);
    for (const word of words) for (let i = 0; i + 1 < word.length; i++)
      if (word[i] === left && word[i + 1] === right) word.splice(i, 2, left + right);
  }
  return found;
};
const number = (tokens) => Object.fromEntries([...new Set(tokens)].map((token, id) => [token, id]));
const added = (id, content, options = {}) =>
  ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...options });

// Byte-level.
const alphabet = [];
for (let b = 0, n = 256; b < 256; b++)
  alphabet.push(String.fromCharCode((b > 32 && b < 127) || (b > 160 && b < 173) || b > 173 ? b : n++));
const spell = (text) => [...new TextEncoder().encode(text)].map((b) => alphabet[b]);
const byteMerges = train((corpus.match(/ ?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+/gu)).map(spell), 160);
const byteVocab = number([...alphabet, ...byteMerges.map(([a, b]) => a + b), "Ġworldhello", "Ġquickly"]);
const bytes = Object.keys(byteVocab).length;
const byteModel = (options = {}) => ({ type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: "", end_of_word_suffix: "",
  fuse_unk: false, byte_fallback: false, ignore_merges: false, vocab: byteVocab, merges: byteMerges.map((m) => m.join(" ")), ...options });
const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const split = (pattern) => ({ type: "Sequence", pretokenizers: [
  { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false }, { ...byteLevel, use_regex: false }] });
const template = (before, after, ids) => ({ type: "TemplateProcessing",
  single: [...before.map((id) => ({ SpecialToken: { id, type_id: 0 } })), { Sequence: { id: "A", type_id: 0 } },
    ...after.map((id) => ({ SpecialToken: { id, type_id: 0 } }))],
  pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
  special_tokens: Object.fromEntries(Object.entries(ids).map(([id, n]) => [id, { id, ids: [n], tokens: [id] }])) });

// Characters.
const meta = corpus.replaceAll(" ", "▁");
const characterMerges = train(meta.split("\n").map((line) => [...line]), 200);
const byteTokens = Array.from({ length: 256 }, (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, "0")}>`);
const characterVocab = (first) => number([...first, ...byteTokens, ...[...meta].filter((c) => !"ÜöएไRq".includes(c)), ...characterMerges.map(([a, b]) => a + b), "▁▁", "▁▁▁▁"]);
const characterModel = (first, spaceMerges) => {
  const vocab = characterVocab(first);
  const merges = [...spaceMerges, ...characterMerges].filter(([a, b]) => a in vocab && b in vocab && a + b in vocab);
  const unique = [...new Map(merges.map((m) => [JSON.stringify(m), m])).values()];
  return { type: "BPE", dropout: null, unk_token: "<unk>", continuing_subword_prefix: null, end_of_word_suffix: null,
    fuse_unk: true, byte_fallback: true, ignore_merges: false, vocab, merges: unique };
};
const spaces = [["▁", "▁"], ["▁▁", "▁▁"]];
const replaceDecoder = { type: "Replace", pattern: { String: "▁" }, content: " " };

// WordPiece.
const letters = [..."abcdefghijklmnopqrstuvwxyz0123456789.,!?'\"()[]{}<>:;=+-*/#@$%&_|~ßæøñжтекс日本語中文한국αβγ"];
const words = ["the", "quick", "brown", "fox", "over", "lazy", "dog", "it", "what", "we", "see", "don", "model", "models", "cafe", "naive", "deja", "vu",
  "hello", "world", "public", "static", "return", "ellos", "##ing", "##s", "##ed", "##ello", "##orld", "##ly", "un", "##known", "##23", "20"];
const wordPieces = number(["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...letters, ...letters.map((c) => "##" + c), ...words]);

const qwen2 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const bailing = "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";
const file = (parts) => ({ version: "1.0", truncation: null, padding: null, normalizer: null, pre_tokenizer: null, post_processor: null, ...parts });
const families = {
  gpt2: file({ added_tokens: [added(bytes, "<|endoftext|>")], pre_tokenizer: byteLevel, post_processor: byteLevel, decoder: byteLevel, model: byteModel() }),
  roberta: file({ added_tokens: [added(bytes, "<s>"), added(bytes + 1, "</s>"), added(bytes + 2, "<mask>", { lstrip: true })],
    pre_tokenizer: { ...byteLevel, add_prefix_space: true }, decoder: byteLevel, model: byteModel(),
    post_processor: { type: "RobertaProcessing", sep: ["</s>", bytes + 1], cls: ["<s>", bytes], trim_offsets: true, add_prefix_space: true } }),
  qwen2: file({ added_tokens: [added(bytes, "<|endoftext|>"), added(bytes + 1, "<|im_start|>"), added(bytes + 2, "<|mask|>"),
      added(bytes + 3, "<think>", { special: false }), added(bytes + 4, "<|fim|>", { rstrip: true, lstrip: true })],
    normalizer: { type: "NFC" }, pre_tokenizer: split(qwen2), post_processor: byteLevel, decoder: byteLevel, model: byteModel() }),
  llada: file({ added_tokens: [added(bytes, "<|startoftext|>"), added(bytes + 1, "<|endoftext|>"), added(bytes + 7, "<|mdm_mask|>")],
    pre_tokenizer: split(qwen2.replace("\\p{N}|", "\\p{N}{1,3}|")), decoder: byteLevel, model: byteModel({ ignore_merges: true }),
    post_processor: { type: "Sequence", processors: [byteLevel, template(["<|startoftext|>"], [], { "<|startoftext|>": bytes })] } }),
  "llada-moe": file({ added_tokens: [added(bytes, "<|endoftext|>"), added(bytes + 1, "<|mask|>"), added(bytes + 2, "<role>"), added(bytes + 3, "</role>")],
    pre_tokenizer: split(bailing), decoder: byteLevel, model: byteModel() }),
  llama2: file({ added_tokens: [added(0, "<unk>"), added(1, "<s>"), added(2, "</s>")],
    normalizer: { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "▁" }, { type: "Replace", pattern: { String: " " }, content: "▁" }] },
    post_processor: template(["<s>"], [], { "<s>": 1 }), model: characterModel(["<unk>", "<s>", "</s>"], spaces),
    decoder: { type: "Sequence", decoders: [replaceDecoder, { type: "ByteFallback" }, { type: "Fuse" }, { type: "Strip", content: " ", start: 1, stop: 0 }] } }),
  metaspace: file({ added_tokens: [added(0, "<unk>"), added(1, "<s>"), added(2, "</s>")],
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "first", split: false },
    post_processor: template(["<s>"], ["</s>"], { "<s>": 1, "</s>": 2 }), model: characterModel(["<unk>", "<s>", "</s>"], spaces),
    decoder: { type: "Sequence", decoders: [replaceDecoder, { type: "ByteFallback" }, { type: "Fuse" }, { type: "Strip", content: " ", start: 1, stop: 0 }] } }),
  gemma: file({ added_tokens: [added(0, "<pad>"), added(1, "<eos>"), added(2, "<bos>"), added(3, "<unk>"), added(4, "<mask>"),
      added(5, "<b>", { special: false }), added(6, "\n\n", { special: false })],
    normalizer: { type: "Replace", pattern: { String: " " }, content: "▁" },
    pre_tokenizer: { type: "Split", pattern: { String: " " }, behavior: "MergedWithPrevious", invert: false },
    post_processor: template(["<bos>"], [], { "<bos>": 2 }), model: characterModel(["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<b>", "\n\n"], spaces),
    decoder: { type: "Sequence", decoders: [replaceDecoder, { type: "ByteFallback" }, { type: "Fuse" }] } }),
  bert: file({ added_tokens: ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map((name) => added(wordPieces[name], name)),
    normalizer: { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
    pre_tokenizer: { type: "BertPreTokenizer" }, decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    post_processor: template(["[CLS]"], ["[SEP]"], { "[CLS]": wordPieces["[CLS]"], "[SEP]": wordPieces["[SEP]"] }),
    model: { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", max_input_chars_per_word: 100, vocab: wordPieces } }),
};

const parts = [" ", "  ", "\t", "\n", "\r\n", "\n    ", "a", "Zz", "_", "7", "42", "1234", "(", ");", "=>", "'s", "'LL", "'", "é", "e\u0301", "日本", "語",
  "😀", "\u00a0", "\u2028", "½", "٣", "\0", "return", "the", "hello", "world", "𝒜", "𝟘", "\u0301", "텍스트", "<mask>", "<b>", "<think>", "[MASK]", "<|mask|>", "▁", "Ü"];
const jumble = (n) => Array.from({ length: n }, () => parts[random(parts.length)]).join("");
const texts = ["a", " ", "  ", "   a", "\n", "\n\n", " \n \n x", "hello world", " hello  world   ", "the thethere other\tthese", "it's IT'S We'LL they'Ve 'tis don't O'Neil '",
  "1 12 123 1234 12345 ½ ٣٤", "public static int Main(string[] args)\n{\n    return args.Length == 0 ? 1234567 : -1;\n}\n", "x=>y;();{}[]<>!==??=...//---- ====",
  "naïve café cafe\u0301 ÜNÏCÖDÉ \u1e9b\u0323 \u212b Å ﬁ", "日本語のテキスト、中文文本。한국어 텍스트! ไทย हिन्दी", "русский ελληνικά עברית العربية", "😀👍🏽👨‍👩‍👧 𝒜𝓁𝑔 𝟘𝟙𝟚 𐍈",
  "a\r\n\r\n\t\tb \r c", "zero\0width\u200b\u00adsoft\u2009thin", "<|endoftext|>hello<|mask|> <|im_start|>world<think>x</think>", "a <|fim|>  b<|fim|>\n", "[MASK] hello [SEP][CLS]x",
  "<s>hello</s> <s> x", "<bos>the <b>bold</b>\n\n\n\nend<eos>", "<mask> a <mask>b  <mask>", "<role>HUMAN</role>hi<|role_end|>", "\u0301a \u0301\u0301", "a".repeat(150), " ".repeat(70) + "x",
  "=-".repeat(60), "the".repeat(50), "\n".repeat(33), "9".repeat(40), "unknownly hellos worlded quickly worldhello worldHELLO", "ßæøñ жтекс αβγ", "İstanbul I", "▁under▁score ▁",
  ...Array.from({ length: 60 }, (_, i) => jumble(3 + i))];

mkdirSync("families", { recursive: true });
for (const [name, json] of Object.entries(families)) {
  const tokenizer = new Tokenizer(structuredClone(json), {});
  const rows = texts.map((text) => {
    const { ids } = tokenizer.encode(text, { add_special_tokens: false });
    const around = tokenizer.encode(text, { add_special_tokens: true }).ids;
    const at = ids.length === 0 ? 0 : around.findIndex((_, i) => ids.every((id, j) => around[i + j] === id));
    const decoded = ids.length === 0 ? "" : tokenizer.decode(ids, { skip_special_tokens: true, clean_up_tokenization_spaces: false });
    return JSON.stringify({ text, ids, before: around.slice(0, at), after: around.slice(at + ids.length), decoded });
  });
  writeFileSync(`families/${name}.json`, JSON.stringify(json) + "\n");
  writeFileSync(`families/${name}.golden.json`, "[\n" + rows.join(",\n") + "\n]\n");
}
