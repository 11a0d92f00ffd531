// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/variables.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "base/file_io.h"
#include "cli/text.h"

namespace davit::cli {
namespace {

Result<> AddVariable(const std::string& text, std::vector<std::string>& variables) {
  size_t equals = text.find('=');
  if (text.empty() || equals == 0)
    return Fail(Code::kInvalidArgument, "env", text, "write NAME=VALUE or NAME");
  if (equals != std::string::npos) {
    variables.push_back(text);
  } else if (const char* value = getenv(text.c_str())) {
    variables.push_back(text + "=" + value);
  }
  return {};
}

Result<> AddVariablesOf(const std::string& path, std::vector<std::string>& variables) {
  for (const std::string& line : TRY(ReadSettings(path))) {
    std::string name = line.substr(0, line.find('='));
    Result<> added = name.find_first_of(" \t") == std::string::npos
                         ? AddVariable(line, variables)
                         : Fail(Code::kInvalidArgument, "env", line, "the name of a variable has no spaces");
    if (!added) return std::unexpected(Within("--env-file " + path, added.error()));
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> ReadSettings(const std::string& path) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  constexpr size_t kMostBytes = 1 << 20;
  std::string text = TRY(ReadFile(path));
  if (text.size() > kMostBytes) return Fail(Code::kInvalidArgument, "read", path, "is larger than 1 MiB");
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  std::vector<std::string> lines;
  for (std::string line : Split(text, '\n')) {
    if (line.ends_with('\r')) line.pop_back();
    line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
    if (!line.empty() && !line.starts_with('#')) lines.push_back(std::move(line));
  }
  return lines;
}

Result<std::vector<std::string>> ReadVariables(const std::vector<std::string>& files,
                                               const std::vector<std::string>& texts) {
  std::vector<std::string> variables;
  for (const std::string& path : files) TRY(AddVariablesOf(path, variables));
  for (const std::string& text : texts) TRY(AddVariable(text, variables));
  return variables;
}

}  // namespace davit::cli
