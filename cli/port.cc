// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/number.h"
#include "cli/container_text.h"
#include "cli/containers.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

// By port of the container, "80/tcp", in the order of numbers.
using Published = std::map<std::pair<uint32_t, std::string>, std::vector<std::string>>;

Published PublishedOf(const api::Container& container) {
  Published published;
  if (container.state().status() != api::ContainerState::RUNNING) return published;
  for (const api::PortMapping& port : container.spec().ports()) {
    std::vector<std::string>& ends = published[{port.container_port(), ProtocolText(port.protocol())}];
    for (std::string& end : HostEndsOf(port)) ends.push_back(std::move(end));
  }
  return published;
}

// "80" and "80/udp".
Result<std::pair<uint32_t, std::string>> ParseContainerPort(const std::string& text) {
  size_t slash = text.find('/');
  std::string protocol = slash == std::string::npos ? "tcp" : text.substr(slash + 1);
  std::optional<uint32_t> port = WholeNumber<uint32_t>(std::string_view(text).substr(0, slash));
  bool known = protocol == "tcp" || protocol == "udp" || protocol == "sctp";
  if (!port || *port < 1 || *port > 65535 || !known)
    return Fail(Code::kInvalidArgument, "port", text, "write PORT[/tcp|/udp|/sctp]");
  return std::pair(*port, protocol);
}

}  // namespace

// As in Docker, one that does not run has none.
Result<int> Perform(const Session& session, const PortOptions& options) {
  const api::Container container = TRY(InspectContainer(session.daemon, options.id));
  Published published = PublishedOf(container);
  if (!options.port.empty()) {
    auto wanted = TRY(ParseContainerPort(options.port));
    auto found = published.find(wanted);
    if (found == published.end())
      return Fail(Code::kNotFound, "", container.name(),
                  "no public port '" + std::to_string(wanted.first) + "/" + wanted.second + "' published");
    published = {*found};
  }
  nlohmann::json document = nlohmann::json::object();
  std::string text;
  for (const auto& [port, ends] : published) {
    std::string name = std::to_string(port.first) + "/" + port.second;
    document[name] = ends;
    for (const std::string& end : ends) text += (options.port.empty() ? name + " -> " : "") + end + "\n";
  }
  TRY(session.console.format == OutputFormat::kJson ? session.console.PrintJson(document)
                                                    : session.console.Print(text));
  return 0;
}

}  // namespace davit::cli
