#include "service.hpp"

#include <algorithm>
#include <map>

// What POST /count takes. Described once: checked, documented, and bound to the task's argument.
struct CountArgs {
  std::string text;
  int most_common = 3;

  static void describe(saola::web::Fields& fields) {
    fields["text"].doc("Its words are counted");
    fields["most_common"].min(1).max(100).doc("So many words are in the result");
  }
};
SAOLA_DESCRIBE(CountArgs, text, most_common)

struct Word {
  std::string word;
  int count = 0;
};
SAOLA_DESCRIBE(Word, word, count)

// Runs in a process of its own at low priority, survives restarts, and may take hours.
std::vector<Word> count_words(saola::Job& job, const CountArgs& args) {
  std::map<std::string, int> counts;
  std::string word;
  for (const char c : args.text + ' ') {
    if (c != ' ' && c != '\n') {
      word += c;
    } else if (!word.empty()) {
      ++counts[std::exchange(word, "")];
    }
  }
  job.throw_if_stopped();
  job.progress(0.5, "sorting");
  std::vector<Word> words;
  for (const auto& [text, count] : counts) words.push_back({text, count});
  std::ranges::stable_sort(words, std::greater(), &Word::count);
  words.resize(std::min(words.size(), static_cast<std::size_t>(args.most_common)));
  return words;
}

std::unique_ptr<saola::Service> make_service() {
  auto service = std::make_unique<saola::Service>(
      "{{name}}", saola::ServiceOptions{.version = VERSION, .description = "Counts words."});
  auto count = service->task<CountArgs>("count", count_words);
  service->post("/count", [count](saola::Request& request) { return count.accept(request); },
                {.doc = "Count the words of a text"});
  return service;
}
