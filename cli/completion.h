// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What may come next on an unfinished command line, for the completion of shells.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace davit::cli {

// Things of the daemon whose names fit.
enum class Things : uint8_t { kNone, kContainers, kRunningContainers, kImages, kVolumes, kNetworks };

struct Candidate {
  std::string word;
  std::string help;  // one line
};

struct Completion {
  std::vector<Candidate> candidates = {};  // of the command line's grammar
  Things things = Things::kNone;           // and these
  std::string before = {};                 // what a name of such a thing has before it: "--network="
  bool files = false;                      // else names of files
};

// `words` are those after "davit"; the last one is to be completed and may be empty. The candidates begin
// with it. Reads the grammar only: what an option or a word stands for is known from its form in the help.
Completion CompleteWords(const CLI::App& app, const std::vector<std::string>& words);

}  // namespace davit::cli
