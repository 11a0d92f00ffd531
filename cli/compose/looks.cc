// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Verbs that look at containers: ps, top, port, ls.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/time.h"
#include "cli/compose/labels.h"
#include "cli/compose/node.h"
#include "cli/compose/project_files.h"
#include "cli/compose/verbs.h"
#include "cli/container_text.h"
#include "cli/row_output.h"
#include "cli/text.h"

namespace davit::cli::compose {
namespace {

using nlohmann::json;

constexpr size_t kCommandLetters = 20;

std::string ProtocolOf(const api::PortMapping& port) {
  if (port.protocol() == api::PortMapping::UDP) return "udp";
  return port.protocol() == api::PortMapping::SCTP ? "sctp" : "tcp";
}

std::string AddressOf(const api::PortMapping& port) {
  return port.host_ip().empty() ? "0.0.0.0" : port.host_ip();
}

// In the fields of docker compose ps.
json RowOf(const api::Container& container, int64_t now) {
  bool running = container.state().status() == api::ContainerState::RUNNING;
  json publishers = json::array();
  for (const api::PortMapping& port : container.spec().ports())
    if (running)
      publishers.push_back({{"URL", AddressOf(port)},
                            {"TargetPort", port.container_port()},
                            {"PublishedPort", port.host_port()},
                            {"Protocol", ProtocolOf(port)}});
  return {{"ID", container.id()},
          {"Name", container.name()},
          {"Image", container.spec().image()},
          {"Command", CommandText(container, kCommandLetters)},
          {"Project", LabelOf(container, kProjectLabel)},
          {"Service", LabelOf(container, kServiceLabel)},
          {"CreatedAt", FormatRfc3339Nano(container.created_at())},
          {"RunningFor", DurationText(now - container.created_at()) + " ago"},
          {"State", StateWord(container.state().status())},
          {"Status", StatusText(container.state(), now)},
          {"ExitCode", container.state().exit_code()},
          {"Publishers", publishers},
          {"Ports", running ? PortsText(container.spec()) : ""}};
}

// Services that were named have to be known, to the files or to a container.
Result<std::vector<api::Container>> Chosen(const Context& context, const std::vector<std::string>& services,
                                           bool all) {
  const Session& session = context.session;
  std::string project = TRY(NameOfProject(session.console, context.options));
  std::vector<api::Container> containers = TRY(ContainersOf(session.daemon, project, /*all=*/true));
  for (const std::string& service : services) {
    bool known = std::ranges::any_of(containers, [&service](const api::Container& container) {
      return NowOf(container).service == service;
    });
    if (!known) TRY(TRY(OpenProject(session.console, context.options, services)).InOrder({service}));
  }
  std::vector<api::Container> chosen = OfServices(containers, services);
  if (!all) std::erase_if(chosen, [](const api::Container& container) { return !NowOf(container).running; });
  return chosen;
}

// A project, by its containers.
struct ProjectRow {
  std::map<std::string, int> states;
  std::string files;
};

json RowOf(const std::string& name, const ProjectRow& project) {
  std::string status;
  for (const auto& [state, count] : project.states)
    status.append(status.empty() ? "" : ", ").append(state + "(" + std::to_string(count) + ")");
  return {{"Name", name}, {"Status", status}, {"ConfigFiles", project.files}};
}

}  // namespace

Result<int> Do(const Context& context, const Ps& options) {
  const Console& console = context.session.console;
  int64_t now = UnixNanoseconds();
  std::vector<json> rows;
  std::string names;
  std::set<std::string> services;
  for (const api::Container& container : TRY(Chosen(context, options.services, options.all))) {
    rows.push_back(RowOf(container, now));
    names += container.id() + "\n";
    services.insert(NowOf(container).service);
  }
  if (options.names) {
    names.clear();
    for (const std::string& service : services) names += Printable(service) + "\n";
  }
  if (options.quiet || options.names) {
    TRY(console.Print(names));
    return 0;
  }
  TRY(PrintRows(console, options.format,
                {{"NAME", "Name"},
                 {"IMAGE", "Image"},
                 {"COMMAND", "Command"},
                 {"SERVICE", "Service"},
                 {"CREATED", "RunningFor"},
                 {"STATUS", "Status"},
                 {"PORTS", "Ports"}},
                rows));
  return 0;
}

Result<int> Do(const Context& context, const Top& options) {
  for (const api::Container& container : TRY(Chosen(context, options.services, /*all=*/false))) {
    TRY(context.session.console.Print(Printable(container.name()) + "\n"));
    TRY(Perform(context.session, TopOptions{.id = container.id()}));
  }
  return 0;
}

Result<int> Do(const Context& context, const PortOf& options) {
  for (const api::Container& container : TRY(Chosen(context, {options.service}, /*all=*/false))) {
    if (NowOf(container).number != options.number) continue;
    for (const api::PortMapping& port : container.spec().ports()) {
      if (std::to_string(port.container_port()) != options.port || ProtocolOf(port) != options.protocol)
        continue;
      std::string address = AddressOf(port);
      if (address.contains(':')) address = "[" + address + "]";
      TRY(context.session.console.Print(address + ":" + std::to_string(port.host_port()) + "\n"));
      return 0;
    }
  }
  return Fail(
      Code::kNotFound, "find port", options.port + "/" + options.protocol,
      "no running container " + std::to_string(options.number) + " of " + options.service + " publishes it");
}

Result<int> Do(const Context& context, const Ls& options) {
  const Session& session = context.session;
  std::map<std::string, ProjectRow> projects;
  for (const api::Container& container : TRY(ContainersOf(session.daemon, "", options.all))) {
    ProjectRow& project = projects[LabelOf(container, kProjectLabel)];
    ++project.states[StateWord(container.state().status())];
    project.files = LabelOf(container, kFilesLabel);
  }
  std::vector<json> rows;
  for (const auto& [name, project] : projects) {
    if (options.quiet) TRY(session.console.Print(Printable(name) + "\n"));
    rows.push_back(RowOf(name, project));
  }
  if (!options.quiet)
    TRY(PrintRows(session.console, /*format=*/"",
                  {{"NAME", "Name"}, {"STATUS", "Status"}, {"CONFIG FILES", "ConfigFiles"}}, rows));
  return 0;
}

}  // namespace davit::cli::compose
