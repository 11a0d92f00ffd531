// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// exec and run: commands in containers of services.
#include <sys/random.h>
#include <unistd.h>

#include <array>

#include "cli/compose/container_request.h"
#include "cli/compose/convergence.h"
#include "cli/compose/images.h"
#include "cli/compose/node.h"
#include "cli/compose/project_files.h"
#include "cli/compose/up.h"
#include "cli/compose/verbs.h"
#include "cli/containers.h"
#include "cli/mount_spec.h"
#include "cli/sessions.h"
#include "cli/variables.h"

namespace davit::cli::compose {
namespace {

bool IsAtTerminal(const Console& console, bool no_tty) {
  return !no_tty && isatty(console.in) == 1 && isatty(console.out) == 1;
}

std::string RandomDigits() {
  std::array<unsigned char, 6> bytes{};
  (void)getrandom(bytes.data(), bytes.size(), 0);
  std::string digits;
  for (unsigned char byte : bytes) {
    digits += "0123456789abcdef"[byte >> 4];
    digits += "0123456789abcdef"[byte & 15];
  }
  return digits;
}

Result<api::Container> FindContainer(const Context& context, const Exec& options) {
  const Session& session = context.session;
  std::string project = TRY(NameOfProject(session.console, context.options));
  for (const api::Container& container :
       OfServices(TRY(ContainersOf(session.daemon, project, /*all=*/false)), {options.service}))
    if (options.number == 0 || NowOf(container).number == options.number) return container;
  return Fail(Code::kNotFound, "find container of", options.service,
              "none runs in the project " + project + ": start it with davit compose up -d");
}

// What the service depends on.
Result<> StartDependencies(const Session& session, const Project& project, const Service& service,
                           const Attachments& attachments, Progress& progress) {
  std::vector<std::string> names;
  for (const Dependency& dependency : service.dependencies)
    if (project.services.contains(dependency.service)) names.push_back(dependency.service);
  UpChoice choice;
  if (!names.empty()) choice.services = TRY(project.InOrder(names));
  TRY(GetImages(session, project, choice.services, {}, progress));
  const Wanted wanted = TRY(WantedOf(session, project, choice.services, attachments));
  // The networks and volumes of the service itself, too.
  UpChoice all = choice;
  all.services.push_back(service.name);
  all.scale = {{service.name, 0}};
  UpPlan plan = TRY(PlanUp(project, TRY(LookAt(session.daemon, project.name)), wanted, all));
  std::erase_if(plan.services,
                [&service](const ServiceSteps& steps) { return steps.service == service.name; });
  plan.orphans.clear();
  return Convergence(session, project, attachments, wanted, progress, {}).Run(plan);
}

Result<> Override(const Run& options, bool tty, api::ContainerSpec& spec) {
  if (options.has_entrypoint) {
    spec.clear_entrypoint();
    spec.clear_command();
    if (!options.entrypoint.empty()) spec.add_entrypoint(options.entrypoint);
  }
  if (!options.command.empty()) spec.clear_command();
  for (const std::string& word : options.command)
    options.has_entrypoint&& options.entrypoint.empty() ? spec.add_entrypoint(word) : spec.add_command(word);
  for (const std::string& variable : TRY(ReadVariables({}, options.env))) spec.add_env(variable);
  for (const std::string& volume : options.volumes) TRY(AddVolumeFlag(volume, spec));
  if (!options.user.empty()) spec.set_user(options.user);
  if (!options.working_dir.empty()) spec.set_working_dir(options.working_dir);
  spec.clear_restart();
  spec.set_auto_remove(options.remove);
  spec.set_tty(tty);
  spec.set_open_stdin(!options.detach);
  spec.set_stdin_once(!options.detach);
  return {};
}

Result<int> RunContainer(const Session& session, const Run& options, bool tty,
                         const api::CreateContainerResponse& container) {
  auto failed = [&](const Error& error) -> Result<int> {
    Result<api::Container> now = InspectContainer(session.daemon, container.id());
    if (options.remove) (void)RemoveContainer(session, container.id(), /*force=*/true);
    session.console.Remark(error.ToString());
    return now && now->state().exit_code() != 0 ? now->state().exit_code() : kOwnError;
  };
  if (options.detach) {
    if (Result<> started = StartContainer(session, container.id()); !started) return failed(started.error());
    TRY(session.console.Print(container.name() + "\n"));
    return 0;
  }
  AttachedRun run{.id = container.id(), .input = true, .tty = tty, .detach_keys = kDefaultDetachKeys};
  return StartAttached(session, run, failed);
}

}  // namespace

Result<int> Do(const Context& context, const Exec& options) {
  api::Container container = TRY(FindContainer(context, options));
  bool tty = IsAtTerminal(context.session.console, options.no_tty);
  ExecOptions exec{.id = container.id(),
                   .command = options.command,
                   .interactive = !options.detach,
                   .tty = tty && !options.detach,
                   .detach = options.detach,
                   .env = options.env,
                   .user = options.user,
                   .working_dir = options.working_dir};
  return Perform(context.session, exec);
}

Result<int> Do(const Context& context, const Run& options) {
  const Session& session = context.session;
  const Project project = TRY(OpenProject(session.console, context.options, {options.service}));
  TRY(project.InOrder({options.service}));
  const Service& service = project.Named(options.service);
  Progress progress(session.console);
  const Attachments attachments = TRY(ReadAttachments(project));
  Service alone = service;
  if (options.no_deps) alone.dependencies.clear();
  TRY(StartDependencies(session, project, alone, attachments, progress));
  TRY(GetImages(session, project, {service.name}, {}, progress));

  ContainerParts parts{.name = options.name.empty()
                                   ? project.name + "-" + service.name + "-run-" + RandomDigits()
                                   : options.name,
                       .one_off = true,
                       .publishes = options.service_ports,
                       .hash = ConfigHash(project, service, attachments),
                       .image = ImageOf(project, service)};
  parts.files = TRY(WriteAttachments(project, service, attachments));
  api::CreateContainerRequest request = TRY(RequestFor(project, service, parts));
  bool tty = !options.detach && IsAtTerminal(session.console, options.no_tty);
  TRY(Override(options, tty, *request.mutable_spec()));
  auto container = TRY(session.daemon.Call(&OwnContainerStub::Create, request, CallMode::kPatient));
  return RunContainer(session, options, tty, container);
}

}  // namespace davit::cli::compose
