// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/by_name.h"
#include "cli/container_text.h"
#include "cli/documents.h"
#include "cli/row_output.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

struct Kind {
  const char* name;
  Result<nlohmann::json> (*document)(const Daemon& daemon, const std::string& name);
};

// In the order in which docker looks.
constexpr Kind kKinds[] = {{"container", ContainerDocument},
                           {"image", ImageDocument},
                           {"network", NetworkDocument},
                           {"volume", VolumeDocument}};

// Without a type, of the first kind of thing that has the name.
Result<nlohmann::json> DocumentOf(const Daemon& daemon, const std::string& name, const std::string& type) {
  for (const Kind& kind : kKinds) {
    if (!type.empty() && type != kind.name) continue;
    Result<nlohmann::json> document = kind.document(daemon, name);
    bool absent = !document && (document.error().code == Code::kNotFound ||
                                document.error().code == Code::kInvalidArgument);  // not a name of this kind
    if (!type.empty() || !absent) return document;
  }
  return Fail(Code::kNotFound, "inspect", name, "there is no such container, image, network or volume");
}

}  // namespace

Result<nlohmann::json> ContainerDocument(const Daemon& daemon, const std::string& name) {
  auto kubelets = [&](const Target& target) -> Result<nlohmann::json> {
    v1::ContainerStatusRequest request;
    request.set_container_id(target.container->id());
    request.set_verbose(true);
    return KubeletsDocument(NameOf(target), TRY(daemon.Call(&RuntimeStub::ContainerStatus, request)));
  };
  return ByName(daemon, name, InspectDocument, kubelets);
}

// Prints what it finds, as Docker does, before it fails for what it does not find.
Result<int> Perform(const Session& session, const InspectOptions& options) {
  std::vector<nlohmann::json> documents;
  std::optional<Error> failure;
  for (const std::string& name : options.ids) {
    Result<nlohmann::json> document = DocumentOf(session.daemon, name, options.type);
    if (document)
      documents.push_back(std::move(*document));
    else
      failure = std::move(document).error();
  }
  TRY(PrintDocuments(session.console, options.format, documents));
  if (failure) return std::unexpected(std::move(*failure));
  return 0;
}

}  // namespace davit::cli
