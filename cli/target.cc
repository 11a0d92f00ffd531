// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/target.h"

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <unordered_set>

#include "cli/text.h"

namespace davit::cli {
namespace {

using Matches = std::vector<const Target*>;

bool IsRunning(const Target* target) {
  return target->container && target->container->state() == v1::CONTAINER_RUNNING;
}

bool HasName(const Target& target, std::string_view text) {
  return target.pod.metadata().name() == text ||
         (target.container && target.container->metadata().name() == text);
}

bool HasId(const Target& target, std::string_view text) {
  return target.pod.id() == text || (target.container && target.container->id() == text);
}

bool HasIdPrefix(const Target& target, std::string_view text) {
  return target.pod.id().starts_with(text) || (target.container && target.container->id().starts_with(text));
}

template <typename Predicate>
Matches Select(const std::vector<Target>& targets, Predicate matches) {
  Matches found;
  for (const Target& target : targets) {
    if (matches(target)) found.push_back(&target);
  }
  return found;
}

// A container that was restarted leaves its dead ones behind under the same name.
Matches PreferRunning(Matches found) {
  if (std::count_if(found.begin(), found.end(), IsRunning) != 1) return found;
  return {*std::find_if(found.begin(), found.end(), IsRunning)};
}

Matches Match(const std::vector<Target>& targets, std::string_view text) {
  if (text.empty()) return {};
  Matches found = Select(targets, [text](const Target& t) { return HasId(t, text); });
  if (found.empty())
    found = PreferRunning(Select(targets, [text](const Target& t) { return HasName(t, text); }));
  if (found.empty()) found = Select(targets, [text](const Target& t) { return HasIdPrefix(t, text); });
  return found;
}

std::unexpected<Error> NoneFound(std::string_view text) {
  return Fail(Code::kNotFound, "", text, "no such container or pod");
}

std::unexpected<Error> Ambiguous(std::string_view text, const Matches& found) {
  std::string ids;
  for (const Target* target : found)
    ids += " " + ShortId(target->container ? target->container->id() : target->pod.id());
  return Fail(Code::kInvalidArgument, "", text, "this could be any of" + ids);
}

}  // namespace

Result<std::vector<Target>> ListTargets(const Daemon& daemon) {
  auto pods = TRY(daemon.Call(&RuntimeStub::ListPodSandbox, v1::ListPodSandboxRequest()));
  auto containers = TRY(daemon.Call(&RuntimeStub::ListContainers, v1::ListContainersRequest()));
  std::unordered_map<std::string, const v1::PodSandbox*> pod_of;
  for (const v1::PodSandbox& pod : pods.items()) pod_of[pod.id()] = &pod;

  std::vector<Target> targets;
  std::unordered_set<std::string> with_containers;
  for (v1::Container& container : *containers.mutable_containers()) {
    auto pod = pod_of.find(container.pod_sandbox_id());
    if (pod == pod_of.end()) continue;  // made between the two calls
    with_containers.insert(container.pod_sandbox_id());
    targets.push_back({*pod->second, std::move(container)});
  }
  for (const v1::PodSandbox& pod : pods.items()) {
    if (!with_containers.contains(pod.id())) targets.push_back({pod, std::nullopt});
  }
  auto created = [](const Target& t) { return t.container ? t.container->created_at() : t.pod.created_at(); };
  std::ranges::sort(targets, std::greater<>(), created);
  return targets;
}

Result<Target> ChooseContainer(const std::vector<Target>& targets, std::string_view text) {
  Matches found = Match(targets, text);
  if (found.empty()) return NoneFound(text);
  if (found.size() > 1) return Ambiguous(text, found);
  if (!found.front()->container) return Fail(Code::kFailedPrecondition, "", text, "the pod has no container");
  return *found.front();
}

std::string NameOf(const Target& target) {
  const v1::PodSandboxMetadata& pod = target.pod.metadata();
  std::string name = pod.namespace_() + "/" + pod.name();
  return target.container ? name + "/" + target.container->metadata().name() : name;
}

Result<Target> FindContainer(const Daemon& daemon, std::string_view text) {
  return ChooseContainer(TRY(ListTargets(daemon)), text);
}

}  // namespace davit::cli
