// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/each.h"

#include <nlohmann/json.hpp>
#include <optional>

namespace davit::cli {

Result<int> ForEach(const Session& session, const std::vector<std::string>& names,
                    const std::function<Result<>(const std::string& name)>& act) {
  std::vector<std::string> done;
  std::optional<Error> failure;
  for (const std::string& name : names) {
    Result<> acted = act(name);
    if (acted) {
      done.push_back(name);
      continue;
    }
    if (failure) session.console.Remark(failure->ToString());
    failure = acted.error();
  }
  if (session.console.format == OutputFormat::kJson) {
    TRY(session.console.PrintJson(done));
  } else {
    for (const std::string& name : done) TRY(session.console.Print(name + "\n"));
  }
  if (failure) return std::unexpected(*failure);
  return 0;
}

}  // namespace davit::cli
