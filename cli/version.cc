// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <nlohmann/json.hpp>

#include "cli/host_info.h"
#include "cli/row_output.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace davit::cli {

// In the fields of docker version.
Result<int> Perform(const Session& session, const VersionOptions& options) {
  const auto server = TRY(session.daemon.Call(&RuntimeStub::Version, v1::VersionRequest()));
  const HostInfo host = ReadHostInfo();
  if (!options.format.empty() || session.console.format == OutputFormat::kJson) {
    const nlohmann::json document = {
        {"Client", {{"Version", DAVIT_VERSION}, {"Os", "linux"}, {"Arch", host.architecture}}},
        {"Server",
         {{"Name", server.runtime_name()},
          {"Version", server.runtime_version()},
          {"ApiVersion", server.runtime_api_version()},
          {"Os", "linux"},
          {"Arch", host.architecture},
          {"KernelVersion", host.kernel}}}};
    TRY(options.format.empty() ? session.console.PrintJson(document)
                               : PrintDocuments(session.console, options.format, {document}));
    return 0;
  }
  Table table({"Client", "davit " DAVIT_VERSION});
  table.Add({"Server", server.runtime_name() + " " + server.runtime_version()});
  table.Add({"CRI", server.runtime_api_version()});
  table.Add({"Kernel", host.kernel + " " + host.architecture});
  TRY(session.console.Print(table.ToString()));
  return 0;
}

}  // namespace davit::cli
