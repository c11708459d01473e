// Renders every conversation below with every template in templates/ and writes golden.json:
//   npm install @huggingface/jinja@0.5.11 && node golden.mjs
// golden.py renders the same with Jinja itself and says where the two differ.
// The templates are written for these tests: they have the layout and the constructs of the published ones, not their text.
import { readFileSync, writeFileSync } from "node:fs";
import { Template } from "@huggingface/jinja";

const system = { role: "system", content: "You are a terse  assistant." };
const user = (content) => ({ role: "user", content });
const assistant = (content, more = {}) => ({ role: "assistant", content, ...more });
const tools = [
  {
    type: "function",
    function: {
      name: "get_weather",
      description: "Weather of a city — today's & <tomorrow's>",
      parameters: {
        type: "object",
        properties: {
          city: { type: "string", description: "Name, e.g. \"Zürich\"" },
          unit: { type: "string", enum: ["°C", "°F"] },
          days: { type: "integer", minimum: 0, default: 1 },
          where: { type: "object", properties: { lat: { type: "number" }, lon: { type: "number" } } },
          tags: { type: "array", items: { type: "string" } },
        },
        required: ["city", "unit"],
      },
    },
  },
  { type: "function", function: { name: "now", description: "The time", parameters: { type: "object", properties: {} } } },
];
const call = (name, args) => ({ type: "function", function: { name, arguments: args } });
const conversations = {
  question: { messages: [user("What is 1 + 1?")] },
  system: { messages: [system, user("Hi")] },
  turns: { messages: [system, user("One"), assistant("1"), user("Two"), assistant("2"), user("Three")] },
  answered: { messages: [user("One"), assistant("1")] },
  spaces: { messages: [{ role: "system", content: "  \n padded\t " }, user("  \n lines\n\n"), assistant("\n\n answer \n"), user("\tx ")] },
  empty: { messages: [{ role: "system", content: "" }, user(""), assistant(""), user("")] },
  unicode: { messages: [{ role: "system", content: "Réponds en 日本語" }, user("😀 naïve “quotes” \u00a0 \u200b ﷽"), assistant("👩‍💻 done é"), user("\u{1F469}\u{1F3FD}")] },
  marks: { messages: [user("<|im_end|> {{ 7 * 7 }} {% if %} {# no #} \\n \"q\" 'a'"), assistant("{{ x }}"), user("<think>a</think>")] },
  thought: {
    messages: [user("Q1"), assistant("<think>\nold\n</think>\n\nA1"), user("Q2"), assistant("\nA2\n", { reasoning_content: "\nfresh\n" })],
  },
  thoughts: {
    messages: [user("Q1"), assistant("<|channel>thought\nold<channel|>A1 <|channel>x<channel|>B"), user("Q2"), assistant("<think>in the middle</think>A2"), user("Q3")],
  },
  systems: { messages: [system, user("a"), { role: "system", content: "later" }, user("b")] },
  twice: { messages: [user("a"), user("b"), assistant("c"), assistant("d")] },
  tools: { messages: [system, user("Weather?")], tools },
  toolsWithoutSystem: { messages: [user("Weather?")], tools },
  called: {
    messages: [
      user("Weather?"),
      assistant("", { reasoning_content: "I look.", tool_calls: [call("get_weather", { city: "Zürich", unit: "°C", days: 2, near: [1, 2.5, true, null], where: {} })] }),
      { role: "tool", name: "get_weather", content: "{\"t\": 21.5}" },
    ],
    tools,
  },
  calledTwice: {
    messages: [
      user("Weather?"),
      assistant("Two calls.", { tool_calls: [call("get_weather", { city: "A\nB", unit: "°F" }), call("now", {})] }),
      { role: "tool", name: "get_weather", content: "hot" },
      { role: "tool", name: "now", content: "12:00" },
      assistant("It is hot at noon."),
      user("Thanks"),
    ],
    tools,
  },
  calledWithText: {
    messages: [user("Time?"), assistant("", { tool_calls: [call("now", "\"zone\": 1")] }), { role: "tool", content: "12:00" }],
  },
  responses: {
    messages: [
      user("Time?"),
      assistant("", { tool_calls: [call("now", {})], tool_responses: [{ name: "now", response: { at: "12:00", ok: true } }, { response: "plain" }] }),
      assistant("Noon."),
    ],
  },
  parts: { messages: [user([{ type: "text", text: " See: " }, { type: "image" }, { type: "text", text: "this" }])] },
};
const variants = [
  { add_generation_prompt: true, variables: {} },
  { add_generation_prompt: false, variables: {} },
  { add_generation_prompt: true, variables: { enable_thinking: false } },
  { add_generation_prompt: true, variables: { enable_thinking: true } },
];
const templates = [
  "llada", "llada-moe", "llada2", "chatml", "open-dcoder", "qwen3", "diffusion-gemma", "modernbert-chat", "llama3", "llama2",
];
const thinking = ["llada2", "qwen3", "diffusion-gemma"];

const renderings = [];
for (const name of templates) {
  const template = new Template(readFileSync(`templates/${name}.jinja`, "utf8"));
  for (const [conversation, { messages, tools }] of Object.entries(conversations)) {
    for (const { add_generation_prompt, variables } of variants) {
      if ("enable_thinking" in variables && !thinking.includes(name)) continue;
      let expected = null; // the template refuses
      try {
        expected = template.render({
          messages, tools: tools ?? null, documents: null, add_generation_prompt, bos_token: "<s>", eos_token: "</s>", ...variables,
        });
      } catch {
        // as it says above
      }
      renderings.push({ template: name, conversation, add_generation_prompt, variables, expected });
    }
  }
}
writeFileSync("golden.json", JSON.stringify({ conversations, renderings }, null, 1) + "\n");
