// What is not documented of cuBLASLt and cuSPARSELt, asked of a card: one stand-alone program that opens both
// libraries at run time and prints JSON lines. It has no kernels of its own, so that one binary serves every
// card.
//
//   probe QUESTION --cublaslt FILE --cusparselt FILE [--dtypes bfloat16,int8] [--shapes 3072x768,768x3072]
//         [--tokens 8192,512] [--rounds 15] [--seconds 60] [--sustain 0.3] [--sustain-tokens 16384]
//         [--choices FILE]
//
// A shape is outputs × inputs. bench/gpu/README.md says how it is built and run.
#include <cstring>
#include <sstream>

#include "base/error.h"
#include "json_line.h"
#include "questions.h"

namespace probe {
namespace {

struct Question {
  const char* name;
  void (*ask)(const Session&, const Settings&);
};
constexpr Question kQuestions[] = {
    {"ceilings", ask_ceilings},
    {"epilogues", ask_epilogues},
    {"buffers", ask_buffers},
    {"graphs", ask_graphs},
    {"repeatability", ask_repeatability},
    {"threads", ask_threads},
    {"half-sums", ask_half_sums},
    {"sweep", sweep},
};

std::vector<std::string> parts(const std::string& text) {
  std::vector<std::string> found;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) found.push_back(part);
  return found;
}

std::pair<size_t, size_t> shape_of(const std::string& text) {
  const size_t cross = text.find('x');
  if (cross == std::string::npos)
    throw std::runtime_error("Expected a shape as 3072x768, got '" + text + "'.");
  return {std::stoul(text.substr(0, cross)), std::stoul(text.substr(cross + 1))};
}

void read(Settings& settings, const std::string& name, const std::string& value) {
  if (name == "--cublaslt")
    settings.cublaslt = value;
  else if (name == "--cusparselt")
    settings.cusparselt = value;
  else if (name == "--choices")
    settings.choices = value;
  else if (name == "--rounds")
    settings.rounds = std::max(1, std::stoi(value));
  else if (name == "--seconds")
    settings.seconds = std::stod(value);
  else if (name == "--sustain")
    settings.sustain = std::stod(value);
  else if (name == "--sustain-tokens")
    settings.sustain_tokens = std::stoul(value);
  else if (name == "--dtypes")
    for (const std::string& part : parts(value)) settings.dtypes.push_back(number_of(part));
  else if (name == "--shapes")
    for (const std::string& part : parts(value)) settings.shapes.push_back(shape_of(part));
  else if (name == "--tokens")
    for (const std::string& part : parts(value)) settings.tokens.push_back(std::stoul(part));
  else
    throw std::runtime_error("Expected an option of the probe, got '" + name + "'.");
}

Settings settings_of(int count, char** words) {
  Settings settings;
  for (int at = 2; at + 1 < count; at += 2) read(settings, words[at], words[at + 1]);
  if (settings.dtypes.empty()) settings.dtypes = {Number::bfloat16};
  if (settings.shapes.empty()) settings.shapes = {{3072, 768}};
  if (settings.tokens.empty()) settings.tokens = {8192};
  return settings;
}

void ask(const Question& question, const Settings& settings) {
  const Session session(settings.cublaslt, settings.cusparselt);
  JsonLine line(question.name);
  line.add("cublaslt", session.dense_version()).add("cusparselt", session.sparse_version());
  line.add("computeCapability", session.compute_capability()).print();
  question.ask(session, settings);
}

int run(int count, char** words) {
  const std::string wanted = count > 1 ? words[1] : "";
  for (const Question& question : kQuestions) {
    if (wanted != question.name) continue;
    ask(question, settings_of(count, words));
    return 0;
  }
  throw std::runtime_error("Expected a question, got '" + wanted + "'.");
}

}  // namespace
}  // namespace probe

int main(int count, char** words) {
  try {
    return probe::run(count, words);
  } catch (const std::exception& error) {
    probe::JsonLine(count > 1 ? words[1] : "").add("failed", error.what()).print();
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
