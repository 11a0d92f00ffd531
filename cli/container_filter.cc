// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/container_filter.h"

#include <algorithm>

#include "base/number.h"
#include "cli/container_text.h"
#include "cli/containers.h"
#include "cli/health.h"
#include "cli/image_list.h"

namespace davit::cli {
namespace {

const std::vector<std::string>& Keys() {
  static const std::vector<std::string> keys = {"ancestor", "before", "exited", "expose",  "health",
                                                "id",       "label",  "name",   "network", "publish",
                                                "since",    "status", "volume"};
  return keys;
}

// "80", "80/udp", "8000-8010/tcp".
struct PortRange {
  uint32_t first = 0;
  uint32_t last = 0;
  std::string protocol;
};

std::optional<PortRange> ParsePortRange(const std::string& text) {
  PortRange range;
  size_t slash = text.find('/');
  range.protocol = slash == std::string::npos ? "tcp" : text.substr(slash + 1);
  std::string_view ports = std::string_view(text).substr(0, slash);
  size_t dash = ports.find('-');
  auto first = WholeNumber<uint32_t>(ports.substr(0, dash));
  auto last = dash == std::string_view::npos ? first : WholeNumber<uint32_t>(ports.substr(dash + 1));
  if (!first || !last || *first > *last || *last > 65535) return std::nullopt;
  range.first = *first;
  range.last = *last;
  return range;
}

Result<std::optional<int64_t>> TimeOf(const Daemon& daemon, const std::vector<std::string>& containers,
                                      bool earliest) {
  std::optional<int64_t> time;
  for (const std::string& name : containers) {
    int64_t created = TRY(InspectContainer(daemon, name)).created_at();
    time = !time ? created : earliest ? std::min(*time, created) : std::max(*time, created);
  }
  return time;
}

}  // namespace

Result<ContainerFilter> ContainerFilter::Parse(const std::vector<std::string>& filters) {
  ContainerFilter parsed;
  parsed.filters_ = TRY(Filters::Parse(filters, Keys()));
  TRY(parsed.ParseValues());
  return parsed;
}

Result<> ContainerFilter::ParseValues() {
  constexpr const char* kStates[] = {"created",  "running", "paused", "restarting",
                                     "removing", "exited",  "dead"};
  for (const std::string& state : filters_.Of("status")) {
    if (std::ranges::find(kStates, state) == std::end(kStates))
      return BadFilter("status=" + state,
                       "write created, running, paused, restarting, removing, exited or dead");
  }
  constexpr const char* kHealth[] = {"starting", "healthy", "unhealthy", "none"};
  for (const std::string& health : filters_.Of("health")) {
    if (std::ranges::find(kHealth, health) == std::end(kHealth))
      return BadFilter("health=" + health, "write starting, healthy, unhealthy or none");
  }
  for (const std::string& code : filters_.Of("exited"))
    if (!WholeNumber<int32_t>(code)) return BadFilter("exited=" + code, "write an exit code");
  for (const char* key : {"publish", "expose"}) {
    for (const std::string& ports : filters_.Of(key))
      if (!ParsePortRange(ports)) return BadFilter(key + ("=" + ports), "write PORT[-PORT][/tcp|/udp|/sctp]");
  }
  for (const std::string& name : filters_.Of("name")) names_.push_back(TRY(Pattern::Parse("name", name)));
  for (const std::string& id : filters_.Of("id")) ids_.push_back(TRY(Pattern::Parse("id", id)));
  return {};
}

Result<> ContainerFilter::Resolve(const Daemon& daemon) {
  before_ = TRY(TimeOf(daemon, filters_.Of("before"), /*earliest=*/true));
  since_ = TRY(TimeOf(daemon, filters_.Of("since"), /*earliest=*/false));
  for (const std::string& network : filters_.Of("network")) {
    networks_.insert(network);
    api::InspectNetworkRequest request;
    request.set_network(network);
    Result<api::InspectNetworkResponse> found = daemon.Call(&NetworkStub::Inspect, request);
    if (found) networks_.insert(found->network().name());
    if (!found && found.error().code != Code::kNotFound && found.error().code != Code::kInvalidArgument)
      return std::unexpected(std::move(found).error());
  }
  return filters_.Has("ancestor") ? ResolveAncestors(daemon) : Result<>();
}

// As in Docker, the containers of an image are also those of images that are made of it: whose layers begin
// with its layers.
Result<> ContainerFilter::ResolveAncestors(const Daemon& daemon) {
  api::ListImagesRequest request;
  request.set_layers(true);
  const std::vector<api::Image> all = TRY(ListImages(daemon, request));
  for (const std::string& ancestor : filters_.Of("ancestor")) {
    request.set_image(ancestor);
    for (const api::Image& image : TRY(ListImages(daemon, request))) {
      images_.insert(image.id());
      if (image.layers().empty()) continue;
      const std::string& top = image.layers(image.layers_size() - 1).chain_id();
      for (const api::Image& other : all) {
        bool made_of_it = std::ranges::any_of(
            other.layers(), [&](const api::ImageLayer& layer) { return layer.chain_id() == top; });
        if (made_of_it) images_.insert(other.id());
      }
    }
  }
  return {};
}

bool ContainerFilter::TakesState(const api::Container& container) const {
  std::string state = StateWord(container.state());
  std::string health = container.state().has_health() ? HealthWord(container.state().health()) : "none";
  bool ended = container.state().status() == api::ContainerState::EXITED;
  return filters_.Any("status", [&](const std::string& wanted) { return wanted == state; }) &&
         filters_.Any("health", [&](const std::string& wanted) { return wanted == health; }) &&
         filters_.Any("exited", [&](const std::string& code) {
           return ended && code == std::to_string(container.state().exit_code());
         });
}

bool ContainerFilter::TakesTime(const api::Container& container) const {
  return (!before_ || container.created_at() < *before_) && (!since_ || container.created_at() > *since_);
}

bool ContainerFilter::TakesPort(const std::string& key, const api::Container& container) const {
  return filters_.Any(key, [&](const std::string& wanted) {
    std::optional<PortRange> range = ParsePortRange(wanted);
    return std::ranges::any_of(container.spec().ports(), [&](const api::PortMapping& port) {
      uint32_t number = key == "publish" ? port.host_port() : port.container_port();
      return range->first <= number && number <= range->last &&
             range->protocol == ProtocolText(port.protocol());
    });
  });
}

// By name, or by the path in the container.
bool ContainerFilter::TakesVolume(const api::Container& container) const {
  return filters_.Any("volume", [&](const std::string& wanted) {
    auto is = [&](const auto& mount) { return mount.target() == wanted; };
    return std::ranges::any_of(container.spec().mounts(), is) ||
           std::ranges::any_of(container.spec().mounts(),
                               [&](const api::BindMount& mount) { return mount.source() == wanted; }) ||
           std::ranges::any_of(container.volumes(), is) ||
           std::ranges::any_of(container.volumes(),
                               [&](const api::MountedVolume& volume) { return volume.volume() == wanted; });
  });
}

bool ContainerFilter::Takes(const api::Container& container) const {
  auto finds = [](const std::vector<Pattern>& patterns, const std::vector<std::string>& texts) {
    return patterns.empty() || std::ranges::any_of(patterns, [&](const Pattern& pattern) {
             return std::ranges::any_of(texts, [&](const std::string& text) { return pattern.Finds(text); });
           });
  };
  // Docker's names begin with a slash, and people write it.
  return finds(names_, {container.name(), "/" + container.name()}) && finds(ids_, {container.id()}) &&
         TakesState(container) && TakesTime(container) && filters_.HasLabels(container.spec().labels()) &&
         (!filters_.Has("ancestor") || images_.contains(container.image_id())) &&
         (!filters_.Has("network") || networks_.contains(NetworkText(container.spec()))) &&
         TakesVolume(container) && TakesPort("publish", container) && TakesPort("expose", container);
}

}  // namespace davit::cli
