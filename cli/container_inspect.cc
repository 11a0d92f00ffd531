// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <nlohmann/json.hpp>

#include "cli/container_text.h"
#include "cli/containers.h"
#include "cli/template.h"
#include "cli/verbs.h"

namespace davit::cli {

// Prints what it finds, as Docker does, before it fails for what it does not find.
Result<int> Perform(const Session& session, const InspectOptions& options) {
  nlohmann::json documents = nlohmann::json::array();
  std::optional<Error> failure;
  for (const std::string& name : options.ids) {
    Result<api::Container> container = InspectContainer(session.daemon, name);
    if (container)
      documents.push_back(InspectDocument(*container));
    else
      failure = std::move(container).error();
  }
  if (options.format.empty()) {
    TRY(session.console.PrintJson(documents));
  } else {
    for (const nlohmann::json& document : documents)
      TRY(session.console.Print(TRY(RenderTemplate(options.format, document)) + "\n"));
  }
  if (failure) return std::unexpected(std::move(*failure));
  return 0;
}

}  // namespace davit::cli
