// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// image prune and system df.
#include <nlohmann/json.hpp>

#include "cli/confirm.h"
#include "cli/prune.h"
#include "cli/row_output.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

using nlohmann::json;

const char* WarningOf(const ImagePruneOptions& options) {
  return options.all
             ? "WARNING! This will remove all images without at least one container associated to them, "
               "and what unfinished pulls have left.\n"
             : "WARNING! This will remove all images without a tag that no container uses, "
               "except those that were pulled by digest.\n";
}

std::string ListOf(const api::PruneImagesResponse& answer, bool dry_run) {
  std::string text = dry_run ? PrunedText(answer, "Would delete:") : PrunedText(answer);
  return text + (dry_run ? "Reclaimable space: " : "Total reclaimed space: ") +
         SizeText(answer.reclaimed_bytes()) + "\n";
}

std::string Reclaimable(uint64_t bytes, uint64_t total) {
  std::string text = SizeText(bytes);
  if (total > 0) text += " (" + std::to_string(bytes * 100 / total) + "%)";
  return text;
}

// One kind of thing in the fields of docker system df.
template <typename Kind>
json RowOf(const char* name, const Kind& kind) {
  return {{"Type", name},
          {"TotalCount", std::to_string(kind.total())},
          {"Active", std::to_string(kind.active())},
          {"Size", SizeText(kind.total_bytes())},
          {"Reclaimable", Reclaimable(kind.reclaimable_bytes(), kind.total_bytes())}};
}

std::string Verbose(const api::UsageResponse& usage) {
  Table table({"REPOSITORY:TAG", "IMAGE ID", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS"});
  for (const auto& share : usage.by_image()) {
    const api::Image& image = share.image();
    table.Add({image.tags().empty() ? "<none>" : image.tags(0), ShortId(image.id()),
               SizeText(image.disk_bytes()), SizeText(share.shared_bytes()), SizeText(share.unique_bytes()),
               std::to_string(image.containers())});
  }
  return "Images space usage:\n\n" + table.ToString();
}

template <typename Kind>
json KindToJson(const Kind& kind) {
  return {{"total", kind.total()},
          {"active", kind.active()},
          {"bytes", kind.total_bytes()},
          {"reclaimableBytes", kind.reclaimable_bytes()}};
}

json ToJson(const api::UsageResponse& usage, const api::VolumesUsageResponse& volumes) {
  json images = KindToJson(usage.images());
  images["byImage"] = json::array();
  for (const auto& share : usage.by_image()) {
    images["byImage"].push_back({{"id", share.image().id()},
                                 {"bytes", share.image().disk_bytes()},
                                 {"sharedBytes", share.shared_bytes()},
                                 {"uniqueBytes", share.unique_bytes()},
                                 {"containers", share.image().containers()}});
  }
  return {{"images", images},
          {"containers", KindToJson(usage.containers())},
          {"blobs", KindToJson(usage.blobs())},
          {"unfinished", KindToJson(usage.unfinished())},
          {"volumes", KindToJson(volumes)}};
}

}  // namespace

std::string PrunedText(const api::PruneImagesResponse& answer, const char* title) {
  if (answer.removed().empty()) return "";
  std::string text = std::string(title) + "\n";
  for (const api::Image& image : answer.removed()) {
    for (const std::string& tag : image.tags()) text += "untagged: " + Printable(tag) + "\n";
    text += "deleted: " + Printable(image.id()) + "\n";
  }
  return text + "\n";
}

json PrunedDocument(const api::PruneImagesResponse& answer) {
  json removed = json::array();
  for (const api::Image& image : answer.removed())
    removed.push_back(
        {{"id", image.id()}, {"tags", std::vector<std::string>(image.tags().begin(), image.tags().end())}});
  return {{"removed", removed}, {"reclaimedBytes", answer.reclaimed_bytes()}};
}

Result<int> Perform(const Session& session, const ImagePruneOptions& options) {
  bool ask = !options.force && !options.dry_run;
  if (ask && !TRY(Confirm(session, "image prune", WarningOf(options)))) return 0;
  api::PruneImagesRequest request;
  request.set_all(options.all);
  request.set_dry_run(options.dry_run);
  auto answer = TRY(session.daemon.Call(&OwnImageStub::Prune, request));
  if (session.console.format == OutputFormat::kJson)
    TRY(session.console.PrintJson(PrunedDocument(answer)));
  else
    TRY(session.console.Print(ListOf(answer, options.dry_run)));
  return 0;
}

Result<int> Perform(const Session& session, const SystemDfOptions& options) {
  auto usage = TRY(session.daemon.Call(&OwnImageStub::Usage, api::UsageRequest()));
  auto volumes = TRY(session.daemon.Call(&VolumeStub::Usage, api::VolumesUsageRequest(), CallMode::kPatient));
  if (session.console.format == OutputFormat::kJson && options.format.empty()) {
    TRY(session.console.PrintJson(ToJson(usage, volumes)));
    return 0;
  }
  if (options.verbose) {
    TRY(session.console.Print(Verbose(usage)));
    return 0;
  }
  const std::vector<Column> columns = {{"TYPE", "Type"},
                                       {"TOTAL", "TotalCount"},
                                       {"ACTIVE", "Active"},
                                       {"SIZE", "Size"},
                                       {"RECLAIMABLE", "Reclaimable"}};
  const std::vector<json> rows = {RowOf("Images", usage.images()), RowOf("Containers", usage.containers()),
                                  RowOf("Local Volumes", volumes), RowOf("Blobs", usage.blobs()),
                                  RowOf("Unfinished", usage.unfinished())};
  TRY(PrintRows(session.console, options.format, columns, rows));
  return 0;
}

}  // namespace davit::cli
