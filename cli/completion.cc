// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>
#include <utility>

#include "cli/text.h"

namespace davit::cli {
namespace {

std::string FirstLine(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

bool TakesValue(const CLI::Option& option) {
  return option.get_items_expected_min() > 0;
}

// By "--name", or "-n".
const CLI::Option* FindOption(const CLI::App& app, const std::string& name) {
  for (const CLI::Option* option : app.get_options()) {
    bool is_long = name.starts_with("--");
    const std::vector<std::string>& names = is_long ? option->get_lnames() : option->get_snames();
    if (std::ranges::find(names, name.substr(is_long ? 2 : 1)) != names.end()) return option;
  }
  return nullptr;
}

const CLI::App* FindCommand(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    if (command->check_name(name)) return command;
  return nullptr;
}

// The option whose value the next word is, after a word that begins with "-"; null if it has its value
// already, or takes none.
const CLI::Option* AwaitsValue(const CLI::App& app, const std::string& word) {
  if (word.contains('=')) return nullptr;
  if (word.starts_with("--")) {
    const CLI::Option* option = FindOption(app, word);
    return option != nullptr && TakesValue(*option) ? option : nullptr;
  }
  // "-it": the first letter with a value takes the rest of the word.
  for (size_t i = 1; i < word.size(); ++i) {
    const CLI::Option* option = FindOption(app, std::string("-") + word[i]);
    if (option == nullptr || !TakesValue(*option)) continue;
    return i + 1 == word.size() ? option : nullptr;
  }
  return nullptr;
}

// Where a command line has come to.
struct Place {
  const CLI::App* app;
  const CLI::Option* option = nullptr;  // whose value is next
  size_t words = 0;                     // that are neither options nor commands
  bool foreign = false;                 // what follows is another program's
};

Place Walk(const CLI::App& app, const std::vector<std::string>& words) {
  Place place{&app};
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (place.option != nullptr) {
      place.option = nullptr;
    } else if (place.foreign) {
      continue;
    } else if (word.starts_with('-') && word.size() > 1) {
      place.option = AwaitsValue(*place.app, word);
    } else if (const CLI::App* command = place.words == 0 ? FindCommand(*place.app, word) : nullptr) {
      place.app = command;
    } else {
      ++place.words;
      place.foreign = place.app->get_prefix_command();
    }
  }
  return place;
}

// A verb on containers that run has no use for others.
Things ContainersOf(const CLI::App& app) {
  constexpr const char* kOnRunning[] = {"attach", "exec", "kill", "pause",  "port",
                                        "stats",  "stop", "top",  "unpause"};
  bool running = std::ranges::find(kOnRunning, app.get_name()) != std::end(kOnRunning);
  return running ? Things::kRunningContainers : Things::kContainers;
}

// What a form in the help stands for: "IMAGE", "bridge|host|none|NETWORK".
void AddForm(const CLI::App& app, const std::string& form, const std::string& before,
             const std::string& begun, Completion& completion) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz-";
  for (const std::string& part : Split(form, '|')) {
    std::string word = part.substr(0, part.find_first_of("[:"));
    if (!word.empty() && word.find_first_not_of(kLetters) == std::string::npos) {
      if (word.starts_with(begun)) completion.candidates.push_back({before + word, ""});
    } else if (word == "CONTAINER") {
      completion.things = ContainersOf(app);
    } else if (word == "IMAGE" || word == "SOURCE_IMAGE" || word == "TARGET_IMAGE") {
      completion.things = Things::kImages;
    } else if (word == "VOLUME") {
      completion.things = Things::kVolumes;
    } else if (word == "NETWORK") {
      completion.things = Things::kNetworks;
    } else if (word == "FILE" || word == "PATH" || word == "HOST_PATH" || word == "CONTEXT") {
      completion.files = true;
    }
  }
  completion.before = before;
}

// The form of a verb's word: a positional of the grammar; a verb with a program has one before it.
std::string FormOfWord(const Place& place) {
  if (place.app->get_prefix_command()) return place.app->get_name() == "exec" ? "CONTAINER" : "IMAGE";
  std::vector<const CLI::Option*> positionals =
      place.app->get_options([](const CLI::Option* option) { return option->get_positional(); });
  if (positionals.empty()) return "";
  const CLI::Option* option = positionals[std::min(place.words, positionals.size() - 1)];
  bool several = option->get_items_expected_max() > 1;
  if (place.words >= positionals.size() && !several) return "";
  std::string name = option->get_name(/*positional=*/true);
  bool path = place.app->get_name() == "cp";
  if (path) return "CONTAINER|PATH";
  if (name == "NAME" && place.app->get_name() == "inspect") return "CONTAINER";
  if (name == "NAME" && place.app->get_name() != "rename") return "IMAGE";
  return option->get_type_name().contains('|') ? option->get_type_name() : name;
}

void AddOptions(const CLI::App& app, const std::string& begun, Completion& completion) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty() || !option->nonpositional()) continue;
    for (const std::string& name : option->get_lnames()) {
      std::string word = "--" + name;
      if (word.starts_with(begun))
        completion.candidates.push_back({word, FirstLine(option->get_description())});
    }
    for (const std::string& name : option->get_snames())
      if (begun == "-") completion.candidates.push_back({"-" + name, FirstLine(option->get_description())});
  }
}

void AddCommands(const CLI::App& app, const std::string& begun, Completion& completion) {
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    bool shown = !command->get_group().empty() && command->get_name().starts_with(begun);
    if (shown) completion.candidates.push_back({command->get_name(), FirstLine(command->get_description())});
  }
}

}  // namespace

Completion CompleteWords(const CLI::App& app, const std::vector<std::string>& words) {
  Completion completion;
  if (words.empty()) return completion;
  Place place = Walk(app, words);
  const std::string& last = words.back();
  size_t equals = last.find('=');
  const CLI::Option* joined = last.starts_with("--") && equals != std::string::npos
                                  ? FindOption(*place.app, last.substr(0, equals))
                                  : nullptr;
  if (place.option != nullptr) {
    AddForm(*place.app, place.option->get_type_name(), "", last, completion);
  } else if (place.foreign) {
    completion.files = true;
  } else if (joined != nullptr) {
    AddForm(*place.app, joined->get_type_name(), last.substr(0, equals + 1), last.substr(equals + 1),
            completion);
  } else if (last.starts_with('-')) {
    AddOptions(*place.app, last, completion);
  } else {
    if (place.words == 0) AddCommands(*place.app, last, completion);
    AddForm(*place.app, FormOfWord(place), "", last, completion);
  }
  return completion;
}

}  // namespace davit::cli
