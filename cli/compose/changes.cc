// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// start, stop, restart, kill and rm.
#include <algorithm>

#include "cli/compose/conditions.h"
#include "cli/compose/node.h"
#include "cli/compose/progress.h"
#include "cli/compose/project_files.h"
#include "cli/compose/reverse.h"
#include "cli/compose/verbs.h"
#include "cli/containers.h"
#include "cli/quantity.h"

namespace davit::cli::compose {
namespace {

using What = Change::What;

// In the order of dependencies, each when what it depends on is as it should be.
Result<> StartAll(const Session& session, const Project& project,
                  const std::vector<api::Container>& containers, const std::vector<std::string>& services,
                  Progress& progress) {
  auto ids_of = [&containers](const std::string& service) {
    std::vector<std::string> ids;
    for (const api::Container& container : OfServices(containers, {service})) ids.push_back(container.id());
    return ids;
  };
  for (const std::string& name : services) {
    for (const Dependency& dependency : project.Named(name).dependencies) {
      bool started = std::ranges::find(services, dependency.service) != services.end();
      if (started) TRY(AwaitCondition(session, ids_of(dependency.service), dependency.condition));
    }
    for (const api::Container& container : OfServices(containers, {name})) {
      if (NowOf(container).running) continue;
      TRY(StartContainer(session, container.id()));
      progress.Say("Container", container.name(), "Started");
    }
  }
  return {};
}

Result<> ChangeOne(const Session& session, const Change& options, int signal, const api::Container& container,
                   Progress& progress) {
  const std::string& id = container.id();
  bool running = NowOf(container).running;
  if (options.what == What::kRestart) {
    api::RestartContainerRequest request;
    request.set_container(id);
    if (options.grace_seconds) request.set_grace_seconds(static_cast<uint32_t>(*options.grace_seconds));
    TRY(session.daemon.Call(&OwnContainerStub::Restart, request, CallMode::kPatient));
    progress.Say("Container", container.name(), "Restarted");
  } else if (options.what == What::kKill && running) {
    TRY(KillContainer(session.daemon, id, signal));
    progress.Say("Container", container.name(), "Killed");
  } else if (options.what == What::kRemove && (!running || options.stop)) {
    if (running) TRY(StopContainer(session, id, options.grace_seconds));
    TRY(RemoveContainer(session, id, /*force=*/true, options.volumes));
    progress.Say("Container", container.name(), "Removed");
  }
  return {};
}

}  // namespace

Result<int> Do(const Context& context, const Change& options) {
  const Session& session = context.session;
  const Project project = TRY(OpenProject(session.console, context.options, options.services));
  std::vector<std::string> services =
      TRY(project.InOrder(options.services, /*with_dependencies=*/options.services.empty()));
  std::vector<api::Container> containers =
      OfServices(TRY(ContainersOf(session.daemon, project.name, /*all=*/true)), services);
  Progress progress(session.console);
  int signal = TRY(ParseSignal(options.signal));
  switch (options.what) {
    case What::kStart:
      if (containers.empty())
        return Fail(Code::kNotFound, "start", project.name,
                    "there are no containers: make them with davit compose up");
      TRY(StartAll(session, project, containers, services, progress));
      break;
    case What::kStop:
      TRY(StopAll(session, project, containers, options.grace_seconds, progress));
      break;
    default:
      TRY(InReverse(project, containers, progress, [&](const api::Container& container) {
        return ChangeOne(session, options, signal, container, progress);
      }));
  }
  return 0;
}

}  // namespace davit::cli::compose
