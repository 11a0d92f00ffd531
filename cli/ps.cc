// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <nlohmann/json.hpp>

#include "base/time.h"
#include "cli/container_text.h"
#include "cli/containers.h"
#include "cli/row_output.h"
#include "cli/target.h"
#include "cli/template.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

using nlohmann::json;

constexpr size_t kCommandLetters = 20;

// One container in the fields of docker ps.
json RowOf(const api::Container& container, bool no_trunc, int64_t now) {
  bool running = container.state().status() == api::ContainerState::RUNNING;
  std::string labels;
  for (const auto& [key, value] : container.spec().labels())
    labels.append(labels.empty() ? "" : ",").append(key).append("=").append(value);
  return {{"ID", no_trunc ? container.id() : ShortId(container.id())},
          {"Image", container.spec().image()},
          {"Command", CommandText(container, no_trunc ? 0 : kCommandLetters)},
          {"CreatedAt", FormatRfc3339Nano(container.created_at())},
          {"RunningFor", DurationText(now - container.created_at()) + " ago"},
          {"State", StateWord(container.state())},
          {"Status", StatusText(container.state(), now)},
          {"Ports", running ? PortsText(container.spec()) : ""},
          {"Names", container.name()},
          {"Labels", labels}};
}

// A container of the kubelet, or a pod of its without containers.
json RowOfKubelets(const Target& target, bool no_trunc, int64_t now) {
  bool real = target.container.has_value();
  const std::string& id = real ? target.container->id() : target.pod.id();
  int64_t created = real ? target.container->created_at() : target.pod.created_at();
  const v1::ImageSpec image = real ? target.container->image() : v1::ImageSpec();
  std::string state = real                                      ? StateText(target.container->state())
                      : target.pod.state() == v1::SANDBOX_READY ? "Empty pod"
                                                                : "Stopped pod";
  return {{"ID", no_trunc ? id : ShortId(id)},
          {"Image", image.user_specified_image().empty() ? image.image() : image.user_specified_image()},
          {"Command", ""},
          {"CreatedAt", FormatRfc3339Nano(created)},
          {"RunningFor", DurationText(now - created) + " ago"},
          {"State", state},
          {"Status", state},
          {"Ports", ""},
          {"Names", NameOf(target)},
          {"Labels", ""}};
}

Result<std::vector<json>> CollectRows(const Session& session, const PsOptions& options) {
  int64_t now = UnixNanoseconds();
  bool whole = options.no_trunc || session.console.format == OutputFormat::kJson;
  std::vector<json> rows;
  for (const api::Container& container : TRY(ListContainers(session.daemon, options.all)))
    rows.push_back(RowOf(container, whole, now));
  if (!options.kubelets) return rows;
  for (const Target& target : TRY(ListTargets(session.daemon))) {
    bool running = target.container && target.container->state() == v1::CONTAINER_RUNNING;
    if (running || options.all) rows.push_back(RowOfKubelets(target, whole, now));
  }
  return rows;
}

}  // namespace

Result<int> Perform(const Session& session, const PsOptions& options) {
  const std::vector<Column> columns = {
      {"CONTAINER ID", "ID"}, {"IMAGE", "Image"}, {"COMMAND", "Command"}, {"CREATED", "RunningFor"},
      {"STATUS", "Status"},   {"PORTS", "Ports"}, {"NAMES", "Names"}};
  std::vector<json> rows = TRY(CollectRows(session, options));
  if (options.quiet) {
    for (const json& row : rows) TRY(session.console.Print(TRY(RenderTemplate("{{.ID}}", row)) + "\n"));
  } else {
    TRY(PrintRows(session.console, options.format, columns, rows));
  }
  return 0;
}

}  // namespace davit::cli
