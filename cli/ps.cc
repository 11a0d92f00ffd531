// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/time.h"
#include "cli/container_filter.h"
#include "cli/container_text.h"
#include "cli/containers.h"
#include "cli/image_list.h"
#include "cli/row_output.h"
#include "cli/target.h"
#include "cli/template.h"
#include "cli/text.h"
#include "cli/usage.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

using nlohmann::json;

constexpr size_t kCommandLetters = 20;

using Labels = std::map<std::string, std::string>;

// Sizes of images on disk by id; empty if nobody has asked for sizes.
using ImageSizes = std::map<std::string, uint64_t>;

struct PsView {
  bool whole = false;  // ids and commands
  int64_t now = 0;     // nanoseconds since 1970
  ImageSizes image_sizes = {};
};

std::string JoinedNames(const std::vector<std::string>& names, bool whole) {
  constexpr size_t kMostLetters = 15;  // as docker cuts them
  std::string text;
  for (const std::string& name : names) {
    text += text.empty() ? "" : ",";
    text += whole || name.size() <= kMostLetters ? name : name.substr(0, kMostLetters - 1) + "…";
  }
  return text;
}

std::string MountsText(const api::Container& container, bool whole) {
  std::vector<std::string> names;
  for (const api::MountedVolume& volume : container.volumes()) names.push_back(volume.volume());
  for (const api::BindMount& mount : container.spec().mounts()) names.push_back(mount.source());
  return JoinedNames(names, whole);
}

// "12.3kB (virtual 4.26MB)".
std::string WrittenText(const api::Container& container, const PsView& view) {
  if (!container.has_written_bytes()) return "";
  auto image = view.image_sizes.find(container.image_id());
  uint64_t below = image == view.image_sizes.end() ? 0 : image->second;
  return DecimalText(container.written_bytes()) + " (virtual " +
         DecimalText(container.written_bytes() + below) + ")";
}

// One container in the fields of docker ps.
ListRow RowOf(const api::Container& container, const PsView& view) {
  const api::ContainerSpec& spec = container.spec();
  bool running = container.state().status() == api::ContainerState::RUNNING;
  Labels labels(spec.labels().begin(), spec.labels().end());
  json fields = {{"ID", view.whole ? container.id() : ShortId(container.id())},
                 {"Image", spec.image()},
                 {"Command", CommandText(container, view.whole ? 0 : kCommandLetters)},
                 {"CreatedAt", FormatRfc3339Nano(container.created_at())},
                 {"RunningFor", DurationText(view.now - container.created_at()) + " ago"},
                 {"State", StateWord(container.state())},
                 {"Status", StatusText(container.state(), view.now)},
                 {"Ports", running ? PortsText(spec) : ""},
                 {"Names", container.name()},
                 {"Labels", LabelsText(labels)},
                 {"Mounts", MountsText(container, view.whole)},
                 {"LocalVolumes", std::to_string(container.volumes_size())},
                 {"Networks", NetworkText(spec)},
                 {"Size", WrittenText(container, view)}};
  return {std::move(fields), std::move(labels)};
}

// A container of the kubelet, or a pod of its without containers.
ListRow RowOfKubelets(const Target& target, const PsView& view) {
  bool real = target.container.has_value();
  const std::string& id = real ? target.container->id() : target.pod.id();
  int64_t created = real ? target.container->created_at() : target.pod.created_at();
  const v1::ImageSpec image = real ? target.container->image() : v1::ImageSpec();
  std::string state = real                                      ? StateText(target.container->state())
                      : target.pod.state() == v1::SANDBOX_READY ? "Empty pod"
                                                                : "Stopped pod";
  return {{{"ID", view.whole ? id : ShortId(id)},
           {"Image", image.user_specified_image().empty() ? image.image() : image.user_specified_image()},
           {"Command", ""},
           {"CreatedAt", FormatRfc3339Nano(created)},
           {"RunningFor", DurationText(view.now - created) + " ago"},
           {"State", state},
           {"Status", state},
           {"Ports", ""},
           {"Names", NameOf(target)},
           {"Labels", ""},
           {"Mounts", ""},
           {"LocalVolumes", "0"},
           {"Networks", ""},
           {"Size", ""}}};
}

Result<ImageSizes> SizesOfImages(const Daemon& daemon) {
  ImageSizes sizes;
  for (const api::Image& image : TRY(ListImages(daemon, api::ListImagesRequest())))
    sizes[image.id()] = image.disk_bytes();
  return sizes;
}

// The chosen local containers, the newest first.
Result<std::vector<api::Container>> Choose(const Daemon& daemon, const PsOptions& options, bool sizes) {
  ContainerFilter filter = TRY(ContainerFilter::Parse(options.filters));
  if (options.kubelets && !filter.empty())
    return Fail(Code::kInvalidArgument, "--filter", options.filters.front(),
                "is about local containers alone: leave -A out");
  TRY(filter.Resolve(daemon));
  bool all = options.all || options.last > 0 || filter.AsksForState();
  std::vector<api::Container> chosen = TRY(ListContainers(daemon, all, sizes));
  std::erase_if(chosen, [&filter](const api::Container& container) { return !filter.Takes(container); });
  auto most = static_cast<size_t>(std::max<int64_t>(options.last, 0));
  if (most > 0 && chosen.size() > most) chosen.resize(most);
  return chosen;
}

Result<std::vector<ListRow>> CollectRows(const Session& session, const PsOptions& options, bool sizes) {
  PsView view{.whole = options.no_trunc || session.console.format == OutputFormat::kJson,
              .now = UnixNanoseconds()};
  if (sizes) view.image_sizes = TRY(SizesOfImages(session.daemon));
  std::vector<ListRow> rows;
  for (const api::Container& container : TRY(Choose(session.daemon, options, sizes)))
    rows.push_back(RowOf(container, view));
  if (!options.kubelets) return rows;
  for (const Target& target : TRY(ListTargets(session.daemon))) {
    bool running = target.container && target.container->state() == v1::CONTAINER_RUNNING;
    if (running || options.all) rows.push_back(RowOfKubelets(target, view));
  }
  return rows;
}

// Whether the format has the field that has to be measured.
bool NamesSize(const std::string& format) {
  Result<Template> parsed = Template::Parse(format);
  return parsed && parsed->Names("Size");
}

}  // namespace

Result<int> Perform(const Session& session, const PsOptions& options) {
  std::vector<Column> columns = {{"CONTAINER ID", "ID"},    {"IMAGE", "Image"},   {"COMMAND", "Command"},
                                 {"CREATED", "RunningFor"}, {"STATUS", "Status"}, {"PORTS", "Ports"},
                                 {"NAMES", "Names"}};
  if (options.sizes) columns.push_back({"SIZE", "Size"});
  bool sizes = !options.quiet && (options.sizes || NamesSize(options.format));
  std::vector<ListRow> rows = TRY(CollectRows(session, options, sizes));
  TRY(PrintRows(session.console, options.quiet ? "{{.ID}}" : options.format, columns, rows));
  return 0;
}

}  // namespace davit::cli
