// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/ignore_file.h"

#include <utility>

#include "base/error.h"
#include "cli/build/dockerfile/characters.h"
#include "cli/build/dockerfile/limits.h"
#include "cli/build/dockerfile/source_lines.h"

namespace davit::cli::dockerfile {
namespace {

// A pattern as a clean path without a leading slash, behind its "!" if it has one. As in moby/patternmatcher,
// the result is cleaned once more before a "!" is looked for: "./!a" is an exception.
std::string FromTheRoot(std::string_view pattern) {
  const bool is_exception = pattern.starts_with('!');
  if (is_exception) pattern = Trimmed(pattern.substr(1));
  std::string path = pattern.empty() ? "" : CleanPath(pattern);
  if (path.size() > 1 && path[0] == '/') path.erase(0, 1);
  return (is_exception ? "!" : "") + path;
}

}  // namespace

std::string CleanPath(std::string_view path) {
  const bool absolute = path.starts_with('/');
  std::vector<std::string_view> names;
  while (!path.empty()) {
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(name.size() + 1, path.size()));
    if (name.empty() || name == ".") continue;
    if (name != "..") {
      names.push_back(name);
    } else if (!names.empty() && names.back() != "..") {
      names.pop_back();
    } else if (!absolute) {
      names.push_back(name);
    }
  }
  std::string clean = absolute ? "/" : "";
  for (size_t i = 0; i < names.size(); ++i) clean += (i == 0 ? "" : "/") + std::string(names[i]);
  return clean.empty() ? "." : clean;
}

Parsed<IgnoreFile> IgnoreFile::Parse(std::string_view text) {
  if (text.size() > kMaxIgnoreFileBytes)
    return Refuse({}, "the file is larger than " + std::to_string(kMaxIgnoreFileBytes) + " bytes");
  IgnoreFile file;
  SourceLines lines(text);
  for (SourceLine line; TRY(lines.Next(line));) {
    const std::string_view pattern = Trimmed(line.content);
    if (!line.content.starts_with('#') && !pattern.empty()) TRY(file.Add(line.number, pattern));
  }
  return file;
}

Parsed<> IgnoreFile::Add(int line, std::string_view text) {
  const Place place{line, 1};
  std::string path = CleanPath(Trimmed(FromTheRoot(text)));
  const bool is_exception = path.starts_with('!');
  if (path == "!") return Refuse(place, "illegal exclusion pattern: \"!\"");
  if (is_exception) path.erase(0, 1);
  if (rules_.size() == kMaxIgnorePatterns)
    return Refuse(place, "more than " + std::to_string(kMaxIgnorePatterns) + " patterns");
  auto pattern = IgnorePattern::Parse(path);
  if (!pattern) return Refuse(place, "pattern \"" + std::string(text) + "\": " + pattern.error());
  rules_.push_back({*std::move(pattern), is_exception});
  has_exceptions_ = has_exceptions_ || is_exception;
  return {};
}

bool IgnoreFile::Ignores(std::string_view path) const {
  if (path.empty() || path == ".") return false;
  for (size_t i = rules_.size(); i-- > 0;) {
    if (rules_[i].pattern.Matches(path)) return !rules_[i].is_exception;
  }
  return false;
}

}  // namespace davit::cli::dockerfile
