// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/up.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <set>
#include <thread>

#include "base/number.h"
#include "base/time.h"
#include "cli/compose/conditions.h"
#include "cli/compose/container_request.h"
#include "cli/compose/convergence.h"
#include "cli/compose/images.h"
#include "cli/compose/log_streams.h"
#include "cli/compose/node.h"
#include "cli/compose/project_files.h"
#include "cli/compose/reverse.h"
#include "cli/compose/verbs.h"
#include "cli/containers.h"

namespace davit::cli::compose {
namespace {

Result<std::map<std::string, int64_t>> ParseScales(const Project& project,
                                                   const std::vector<std::string>& texts) {
  constexpr int64_t kMost = 1'000;
  std::map<std::string, int64_t> scales;
  for (const std::string& text : texts) {
    size_t equals = text.find('=');
    std::string name = text.substr(0, equals);
    std::optional<int64_t> number =
        equals == std::string::npos ? std::nullopt : WholeNumber<int64_t>(text.substr(equals + 1));
    if (!number || *number < 0 || *number > kMost)
      return Fail(Code::kInvalidArgument, "--scale", text, "write SERVICE=NUMBER");
    TRY(project.InOrder({name}));
    if (*number > 1 && project.Named(name).Has("container_name"))
      return Fail(Code::kInvalidArgument, "--scale", text,
                  "the service has a container_name, so there can be only one container of it");
    scales[name] = *number;
  }
  return scales;
}

Result<UpChoice> ChoiceOf(const Project& project, const Up& options) {
  UpChoice choice;
  choice.services = TRY(project.InOrder(options.services, /*with_dependencies=*/!options.no_deps));
  for (const std::string& name : options.services.empty() ? choice.services : options.services)
    choice.named.insert(name);
  if (options.force_recreate && options.no_recreate)
    return Fail(Code::kInvalidArgument, "--force-recreate", "", "contradicts --no-recreate");
  choice.recreate = options.force_recreate ? Recreate::kAlways
                    : options.no_recreate  ? Recreate::kNever
                                           : Recreate::kIfChanged;
  choice.remove_orphans = options.remove_orphans;
  choice.scale = TRY(ParseScales(project, options.scale));
  return choice;
}

size_t LongestLabel(const UpPlan& plan, const Project& project) {
  size_t longest = 0;
  for (const ServiceSteps& steps : plan.services)
    for (const ContainerStep& step : steps.steps)
      longest = std::max(longest, LabelFor(project, step.name).size());
  return longest;
}

bool IsAttached(const Project& project, const std::set<std::string>& named, const std::string& service) {
  const Value* attach = project.Named(service).definition.Find("attach");
  return named.contains(service) && (attach == nullptr || attach->IsTrue());
}

// Shows the output of the containers until they have ended. Ctrl-C once stops them, twice kills them, and a
// third time leaves them.
class Foreground {
 public:
  Foreground(const Session& session, const Project& project, const Up& options, LogStreams& streams,
             Progress& progress)
      : session_(session), project_(project), options_(options), streams_(streams), progress_(progress) {}

  Result<int> Watch() {
    while (streams_.following() > 0) {
      pollfd waits[] = {{session_.interrupt.fd(), POLLIN, 0}, {streams_.fd(), POLLIN, 0}};
      if (poll(waits, 2, /*timeout=*/-1) < 0 && errno != EINTR) return SystemError("poll", "");
      if ((waits[0].revents & POLLIN) != 0 && session_.interrupt.Take() && !Interrupted()) break;
      if ((waits[1].revents & POLLIN) != 0)
        for (const EndedStream& end : streams_.Ended()) TakeEnd(end);
    }
    for (const EndedStream& end : streams_.Ended()) TakeEnd(end);
    bool aborts = options_.abort_on_exit || !options_.exit_code_from.empty();
    if (aborts && status_) return *status_;
    return interrupts_ > 0 ? kInterrupted : 0;
  }

  // False for the last interrupt.
  bool Interrupted() {
    if (++interrupts_ > 2) return false;
    if (interrupts_ == 1) progress_.Remark("stopping; press Ctrl-C again to kill");
    Stop(interrupts_ == 1 ? options_.grace_seconds : std::optional<int64_t>(0));
    return true;
  }

 private:
  void TakeEnd(const EndedStream& end) {
    progress_.Remark(end.label + " exited with code " + std::to_string(end.exit_code));
    bool counts = options_.exit_code_from.empty() || IsOf(end, options_.exit_code_from);
    if (counts && (!status_ || !options_.exit_code_from.empty())) status_ = end.exit_code;
    bool aborts = options_.abort_on_exit || !options_.exit_code_from.empty();
    if (aborts && interrupts_ == 0 && !std::exchange(aborting_, true)) Stop(options_.grace_seconds);
  }

  bool IsOf(const EndedStream& end, const std::string& service) const {
    return end.label.starts_with(service + "-") ||
           end.label == project_.Named(service).Text("container_name");
  }

  void Stop(std::optional<int64_t> grace_seconds) {
    stops_.emplace_back([this, grace_seconds] {
      Result<std::vector<api::Container>> containers =
          ContainersOf(session_.daemon, project_.name, /*all=*/false);
      Result<> stopped =
          containers ? StopAll(session_, project_, OfServices(*containers, {}), grace_seconds, progress_)
                     : std::unexpected(containers.error());
      if (!stopped) progress_.Remark(stopped.error().ToString());
    });
  }

  const Session& session_;
  const Project& project_;
  const Up& options_;
  LogStreams& streams_;
  Progress& progress_;
  int interrupts_ = 0;
  bool aborting_ = false;
  std::optional<int> status_;
  std::vector<std::jthread> stops_;
};

// Until all containers run, and are healthy if they have a health check.
Result<> AwaitAll(const Session& session, const Project& project, const std::vector<std::string>& services) {
  for (const api::Container& container :
       OfServices(TRY(ContainersOf(session.daemon, project.name, /*all=*/true)), services)) {
    if (!NowOf(container).running && container.state().exit_code() != 0)
      return Fail(Code::kFailedPrecondition, "wait for", container.name(),
                  "it has ended with exit status " + std::to_string(container.state().exit_code()));
    const Value& definition = project.Named(NowOf(container).service).definition;
    if (definition.Find("healthcheck") != nullptr)
      TRY(AwaitCondition(session, {container.id()}, Condition::kHealthy));
  }
  return {};
}

}  // namespace

std::string LabelFor(const Project& project, const std::string& container) {
  std::string begin = project.name + "-";
  return container.starts_with(begin) ? container.substr(begin.size()) : container;
}

Result<Wanted> WantedOf(const Session& session, const Project& project,
                        const std::vector<std::string>& services, const Attachments& attachments) {
  Wanted wanted;
  for (const std::string& name : services) {
    const Service& service = project.Named(name);
    wanted.hashes[name] = ConfigHash(project, service, attachments);
    std::string id = TRY(ImageIdOf(session.daemon, ImageOf(project, service)));
    if (!id.empty()) wanted.images[name] = id;
  }
  return wanted;
}

Result<int> Do(const Context& context, const Up& options) {
  const Session& session = context.session;
  const Project project = TRY(OpenProject(session.console, context.options, options.services));
  UpChoice choice = TRY(ChoiceOf(project, options));
  if (!options.exit_code_from.empty()) TRY(project.InOrder({options.exit_code_from}));
  Progress progress(session.console);
  const Attachments attachments = TRY(ReadAttachments(project));
  TRY(GetImages(session, project, choice.services, {options.build, options.pull}, progress));
  const Wanted wanted = TRY(WantedOf(session, project, choice.services, attachments));
  const UpPlan plan = TRY(PlanUp(project, TRY(LookAt(session.daemon, project.name)), wanted, choice));

  bool shows = !options.detach && !options.wait && !options.no_start;
  LogStyle style = StyleFor(session.console, options.no_color, options.no_log_prefix, /*timestamps=*/false);
  auto streams = TRY(LogStreams::Make(session, style, LongestLabel(plan, project)));
  LogChoice news{.since = FormatRfc3339Nano(UnixNanoseconds())};
  ConvergeOptions converge{.start = !options.no_start, .grace_seconds = options.grace_seconds};
  if (shows)
    converge.running = [&](const api::Container& container) {
      if (!IsAttached(project, choice.named, NowOf(container).service)) return;
      Result<> followed = streams->Follow(container, LabelFor(project, container.name()), news);
      if (!followed) progress.Remark(followed.error().ToString());
    };
  Result<> converged = Convergence(session, project, attachments, wanted, progress, converge).Run(plan);
  Foreground foreground(session, project, options, *streams, progress);
  bool interrupted = !converged && converged.error().code == Code::kCancelled;
  if (!converged && !(interrupted && shows)) return std::unexpected(converged.error());
  if (interrupted && session.interrupt.Take()) foreground.Interrupted();
  if (options.wait) TRY(AwaitAll(session, project, choice.services));
  return shows ? foreground.Watch() : 0;
}

}  // namespace davit::cli::compose
