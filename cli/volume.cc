// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// volume create, ls, inspect, rm and prune.
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/time.h"
#include "cli/confirm.h"
#include "cli/documents.h"
#include "cli/each.h"
#include "cli/filter.h"
#include "cli/prune.h"
#include "cli/row_output.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

using nlohmann::json;

constexpr char kDriver[] = "local";

Result<std::vector<api::Volume>> ListVolumes(const Daemon& daemon) {
  std::vector<api::Volume> list;
  TRY((daemon.Read<api::ListVolumesRequest, api::ListVolumesResponse>(
      &VolumeStub::List, {}, [&list](const api::ListVolumesResponse& part) {
        list.insert(list.end(), part.volumes().begin(), part.volumes().end());
      })));
  return list;
}

// Filters of one kind are alternatives, except labels; as in Docker.
class VolumeFilter {
 public:
  static Result<VolumeFilter> Parse(const std::vector<std::string>& filters) {
    VolumeFilter parsed;
    parsed.filters_ = TRY(Filters::Parse(filters, {"dangling", "driver", "label", "name"}));
    for (const std::string& value : parsed.filters_.Of("dangling"))
      parsed.dangling_ = TRY(ParseFilterSwitch("dangling", value));
    return parsed;
  }

  bool Takes(const api::Volume& volume) const {
    auto in_name = [&](const std::string& part) { return volume.name().find(part) != std::string::npos; };
    if (dangling_ && *dangling_ != volume.containers().empty()) return false;
    return filters_.Any("name", in_name) &&
           filters_.Any("driver", [](const std::string& driver) { return driver == kDriver; }) &&
           filters_.HasLabels(volume.labels());
  }

 private:
  Filters filters_;
  std::optional<bool> dangling_;
};

// One volume in the fields of docker volume ls.
ListRow RowOf(const api::Volume& volume) {
  std::map<std::string, std::string> labels(volume.labels().begin(), volume.labels().end());
  json fields = {{"Availability", "N/A"},
                 {"Driver", kDriver},
                 {"Group", "N/A"},
                 {"Labels", LabelsText(labels)},
                 {"Links", std::to_string(volume.containers_size())},
                 {"Mountpoint", volume.mountpoint()},
                 {"Name", volume.name()},
                 {"Scope", "local"},
                 {"Size", "N/A"},
                 {"Status", "N/A"}};
  return {std::move(fields), std::move(labels)};
}

// The document of docker volume inspect, and who uses the volume.
json DocumentOf(const api::Volume& volume) {
  json labels;
  for (const auto& [key, value] : volume.labels()) labels[key] = value;
  return {{"Anonymous", volume.anonymous()},
          {"Containers", std::vector<std::string>(volume.containers().begin(), volume.containers().end())},
          {"CreatedAt", FormatRfc3339Nano(volume.created_at())},
          {"Driver", kDriver},
          {"Labels", labels},
          {"Mountpoint", volume.mountpoint()},
          {"Name", volume.name()},
          {"Options", nullptr},
          {"Scope", "local"}};
}

Result<api::PruneVolumesRequest> PruneRequestOf(const VolumePruneOptions& options) {
  api::PruneVolumesRequest request;
  request.set_all(options.all);
  for (const std::string& filter : options.filters) {
    auto [kind, value] = SplitLabel(filter);
    if (kind != "label" || value.empty()) return BadFilter(filter, "write label=KEY[=VALUE]");
    request.add_labels(value);
  }
  return request;
}

}  // namespace

std::string PrunedText(const api::PruneVolumesResponse& answer) {
  if (answer.removed().empty()) return "";
  std::string text = "Deleted Volumes:\n";
  for (const std::string& name : answer.removed()) text += Printable(name) + "\n";
  return text + "\n";
}

json PrunedDocument(const api::PruneVolumesResponse& answer) {
  return {{"removed", std::vector<std::string>(answer.removed().begin(), answer.removed().end())},
          {"reclaimedBytes", answer.reclaimed_bytes()}};
}

Result<int> Perform(const Session& session, const VolumeCreateOptions& options) {
  if (options.driver != kDriver) {
    return Fail(Code::kInvalidArgument, "--driver", options.driver,
                "there is no such driver: all volumes have the driver local");
  }
  api::CreateVolumeRequest request;
  request.set_name(options.name);
  for (const std::string& text : options.labels) {
    auto [key, value] = SplitLabel(text);
    if (key.empty()) return Fail(Code::kInvalidArgument, "--label", text, "write KEY=VALUE or KEY");
    (*request.mutable_labels())[key] = value;
  }
  const api::Volume volume = TRY(session.daemon.Call(&VolumeStub::Create, request)).volume();
  TRY(session.console.format == OutputFormat::kJson ? session.console.PrintJson(DocumentOf(volume))
                                                    : session.console.Print(volume.name() + "\n"));
  return 0;
}

Result<int> Perform(const Session& session, const VolumeListOptions& options) {
  VolumeFilter filter = TRY(VolumeFilter::Parse(options.filters));
  std::vector<ListRow> rows;
  for (const api::Volume& volume : TRY(ListVolumes(session.daemon)))
    if (filter.Takes(volume)) rows.push_back(RowOf(volume));
  std::string format = options.quiet ? "{{.Name}}" : options.format;
  TRY(PrintRows(session.console, format, {{"DRIVER", "Driver"}, {"VOLUME NAME", "Name"}}, rows));
  return 0;
}

Result<json> VolumeDocument(const Daemon& daemon, const std::string& name) {
  api::InspectVolumeRequest request;
  request.set_name(name);
  return DocumentOf(TRY(daemon.Call(&VolumeStub::Inspect, request)).volume());
}

// Prints what it finds, as Docker does, before it fails for what it does not find.
Result<int> Perform(const Session& session, const VolumeInspectOptions& options) {
  std::vector<json> documents;
  std::optional<Error> failure;
  for (const std::string& name : options.names) {
    Result<json> document = VolumeDocument(session.daemon, name);
    if (document)
      documents.push_back(std::move(*document));
    else
      failure = std::move(document).error();
  }
  TRY(PrintDocuments(session.console, options.format, documents));
  if (failure) return std::unexpected(std::move(*failure));
  return 0;
}

Result<int> Perform(const Session& session, const VolumeRemoveOptions& options) {
  return ForEach(session, options.names, [&](const std::string& name) -> Result<> {
    api::RemoveVolumeRequest request;
    request.set_name(name);
    Result<api::RemoveVolumeResponse> removed = session.daemon.Call(&VolumeStub::Remove, request);
    if (removed || (options.force && removed.error().code == Code::kNotFound)) return {};
    return std::unexpected(std::move(removed).error());
  });
}

Result<int> Perform(const Session& session, const VolumePruneOptions& options) {
  api::PruneVolumesRequest request = TRY(PruneRequestOf(options));
  if (!options.force) {
    const char* warning =
        options.all
            ? "WARNING! This will remove all local volumes not used by at least one container.\n"
            : "WARNING! This will remove anonymous local volumes not used by at least one container.\n";
    if (!TRY(Confirm(session, "volume prune", warning))) return 0;
  }
  auto answer = TRY(session.daemon.Call(&VolumeStub::Prune, request, CallMode::kPatient));
  std::string reclaimed = "Total reclaimed space: " + SizeText(answer.reclaimed_bytes()) + "\n";
  TRY(session.console.format == OutputFormat::kJson ? session.console.PrintJson(PrunedDocument(answer))
                                                    : session.console.Print(PrunedText(answer) + reclaimed));
  return 0;
}

}  // namespace davit::cli
