// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/nearest_word.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "cli/build/dockerfile/characters.h"

namespace davit::cli::dockerfile {
namespace {

constexpr size_t kMaxDistance = 2;
constexpr size_t kMaxWords = 1'000;
constexpr size_t kMaxWordBytes = 64;  // what is longer is no misspelt word

// How many characters are inserted, missing, replaced, or exchanged with their neighbour: rows of the table
// of Damerau and Levenshtein, one after the other.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> above(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = above[j] + (a[i] == b[j] ? 0 : 1);
      row[j + 1] = std::min({replaced, row[j] + 1, above[j + 1] + 1});
      if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j])
        row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
    }
  }
  return row.back();
}

template <typename Word>
std::string Nearest(std::string_view word, std::span<const Word> words) {
  if (word.size() > kMaxWordBytes) return {};
  const std::string lower = LowerCase(word);
  std::string nearest;
  size_t best = std::min(kMaxDistance + 1, word.size());
  for (const Word& candidate : words.first(std::min(words.size(), kMaxWords))) {
    if (candidate.size() > kMaxWordBytes) continue;
    size_t distance = Distance(lower, LowerCase(candidate));
    if (distance == 0 || distance >= best) continue;
    best = distance;
    nearest = candidate;
  }
  return lower == word ? LowerCase(nearest) : nearest;
}

}  // namespace

std::string NearestWord(std::string_view word, std::span<const std::string_view> words) {
  return Nearest(word, words);
}

std::string NearestWord(std::string_view word, std::span<const std::string> words) {
  return Nearest(word, words);
}

}  // namespace davit::cli::dockerfile
