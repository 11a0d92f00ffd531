// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <nlohmann/json.hpp>

#include "cli/by_name.h"
#include "cli/container_text.h"
#include "cli/template.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

Result<nlohmann::json> DocumentOf(const Session& session, const std::string& name) {
  auto kubelets = [&](const Target& target) -> Result<nlohmann::json> {
    v1::ContainerStatusRequest request;
    request.set_container_id(target.container->id());
    request.set_verbose(true);
    return KubeletsDocument(NameOf(target), TRY(session.daemon.Call(&RuntimeStub::ContainerStatus, request)));
  };
  return ByName(session.daemon, name, InspectDocument, kubelets);
}

}  // namespace

// Prints what it finds, as Docker does, before it fails for what it does not find.
Result<int> Perform(const Session& session, const InspectOptions& options) {
  nlohmann::json documents = nlohmann::json::array();
  std::optional<Error> failure;
  for (const std::string& name : options.ids) {
    Result<nlohmann::json> document = DocumentOf(session, name);
    if (document)
      documents.push_back(std::move(*document));
    else
      failure = std::move(document).error();
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
