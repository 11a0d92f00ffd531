// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <nlohmann/json.hpp>
#include <optional>

#include "base/time.h"
#include "cli/table.h"
#include "cli/target.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

struct Line {
  Target target;
  std::optional<int> exit_code;
  std::vector<std::string> addresses;
};

// Lists do not carry these two. What was removed since the list was made has neither.
Result<> Complete(const Session& session, Line& line) {
  if (line.target.pod.state() == v1::SANDBOX_READY) {
    v1::PodSandboxStatusRequest request;
    request.set_pod_sandbox_id(line.target.pod.id());
    auto response = session.daemon.Call(&RuntimeStub::PodSandboxStatus, request);
    if (!response && response.error().code != Code::kNotFound) return std::unexpected(response.error());
    if (response) {
      const v1::PodSandboxNetworkStatus& network = response->status().network();
      if (!network.ip().empty()) line.addresses.push_back(network.ip());
      for (const v1::PodIP& more : network.additional_ips()) line.addresses.push_back(more.ip());
    }
  }
  if (line.target.container && line.target.container->state() == v1::CONTAINER_EXITED) {
    v1::ContainerStatusRequest request;
    request.set_container_id(line.target.container->id());
    auto response = session.daemon.Call(&RuntimeStub::ContainerStatus, request);
    if (!response && response.error().code != Code::kNotFound) return std::unexpected(response.error());
    if (response) line.exit_code = response->status().exit_code();
  }
  return {};
}

std::string StateOf(const Line& line) {
  if (!line.target.container)
    return line.target.pod.state() == v1::SANDBOX_READY ? "Empty pod" : "Stopped pod";
  std::string text = StateText(line.target.container->state());
  if (line.exit_code) text += " (" + std::to_string(*line.exit_code) + ")";
  return text;
}

std::string ImageOf(const v1::Container& container) {
  const v1::ImageSpec& image = container.image();
  return image.user_specified_image().empty() ? image.image() : image.user_specified_image();
}

std::string PodName(const v1::PodSandbox& pod) {
  const v1::PodSandboxMetadata& metadata = pod.metadata();
  return metadata.namespace_() == "default" ? metadata.name() : metadata.namespace_() + "/" + metadata.name();
}

std::string Joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

Result<> PrintTable(const Console& console, const std::vector<Line>& lines) {
  Table table({"ID", "NAME", "IMAGE", "STATE", "AGE", "ADDRESS", "POD"});
  int64_t now = UnixNanoseconds();
  for (const Line& line : lines) {
    const Target& target = line.target;
    bool real = target.container.has_value();
    table.Add({real ? ShortId(target.container->id()) : "", real ? target.container->metadata().name() : "",
               real ? ImageOf(*target.container) : "", StateOf(line),
               AgeText(real ? target.container->created_at() : target.pod.created_at(), now),
               Joined(line.addresses), PodName(target.pod)});
  }
  return console.Print(table.ToString());
}

nlohmann::json ToJson(const Line& line) {
  const v1::PodSandbox& pod = line.target.pod;
  nlohmann::json value = {
      {"pod",
       {{"id", pod.id()},
        {"name", pod.metadata().name()},
        {"namespace", pod.metadata().namespace_()},
        {"ready", pod.state() == v1::SANDBOX_READY}}},
      {"addresses", line.addresses},
  };
  if (!line.target.container) return value;
  const v1::Container& container = *line.target.container;
  value["id"] = container.id();
  value["name"] = container.metadata().name();
  value["image"] = ImageOf(container);
  value["imageId"] = container.image_id();
  value["state"] = StateText(container.state());
  value["createdAt"] = FormatRfc3339Nano(container.created_at());
  if (line.exit_code) value["exitCode"] = *line.exit_code;
  return value;
}

}  // namespace

Result<int> Perform(const Session& session, const PsOptions& options) {
  std::vector<Line> lines;
  for (Target& target : TRY(ListTargets(session.daemon))) {
    bool running = target.container && target.container->state() == v1::CONTAINER_RUNNING;
    if (!running && !options.all) continue;
    Line& line = lines.emplace_back();
    line.target = std::move(target);
    TRY(Complete(session, line));
  }
  if (session.console.format == OutputFormat::kTable) {
    TRY(PrintTable(session.console, lines));
    return 0;
  }
  nlohmann::json list = nlohmann::json::array();
  for (const Line& line : lines) list.push_back(ToJson(line));
  TRY(session.console.PrintJson(list));
  return 0;
}

}  // namespace davit::cli
