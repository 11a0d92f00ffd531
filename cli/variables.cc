// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/variables.h"

#include <algorithm>
#include <cstdlib>

#include "base/file_io.h"

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
  std::string text = TRY(ReadFile(path));
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.ends_with('\r')) line.pop_back();
    line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.empty() || line.starts_with('#')) continue;
    if (Result<> added = AddVariable(line, variables); !added)
      return std::unexpected(Within("--env-file " + path, added.error()));
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> ReadVariables(const std::vector<std::string>& files,
                                               const std::vector<std::string>& texts) {
  std::vector<std::string> variables;
  for (const std::string& path : files) TRY(AddVariablesOf(path, variables));
  for (const std::string& text : texts) TRY(AddVariable(text, variables));
  return variables;
}

}  // namespace davit::cli
