// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// image inspect and image history.
#include <nlohmann/json.hpp>
#include <optional>

#include "base/json.h"
#include "base/time.h"
#include "cli/documents.h"
#include "cli/moment.h"
#include "cli/row_output.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

using nlohmann::json;

constexpr size_t kCommandWidth = 45;  // as docker cuts it

Result<api::InspectImageResponse> Inspect(const Daemon& daemon, const std::string& image) {
  api::InspectImageRequest request;
  request.set_image(image);
  return daemon.Call(&OwnImageStub::Inspect, request);
}

void CopyMember(const json& from, const char* member, const char* name, json& to) {
  const json* value = JsonMember(from, member);
  if (value != nullptr) SetJsonMember(to, name, *value);
}

// With the member names of `docker image inspect`, and the manifest.
json ToJson(const api::InspectImageResponse& answer) {
  const api::Image& image = answer.image();
  json config = JsonOrNull(answer.config());
  json value = {{"Id", image.id()},
                {"RepoTags", std::vector<std::string>(image.tags().begin(), image.tags().end())},
                {"RepoDigests", std::vector<std::string>(image.digests().begin(), image.digests().end())},
                {"Size", image.disk_bytes()},
                {"ContentSize", image.size()},
                {"Manifest", JsonOrNull(answer.manifest())}};
  SetJsonMember(value, "VirtualSize", image.disk_bytes());
  constexpr const char* kMembers[][2] = {
      {"created", "Created"}, {"author", "Author"}, {"architecture", "Architecture"},
      {"variant", "Variant"}, {"os", "Os"},         {"config", "Config"}};
  for (const auto& [member, name] : kMembers) CopyMember(config, member, name, value);
  json& rootfs = JsonObjectMember(value, "RootFS");
  SetJsonMember(rootfs, "Type", "layers");
  if (const json* layers = JsonMember(config, "rootfs")) CopyMember(*layers, "diff_ids", "Layers", rootfs);
  return value;
}

std::string Shortened(const std::string& text, size_t most) {
  if (text.size() <= most) return text;
  size_t end = most - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not inside a character
  return text.substr(0, end) + "...";
}

// "3 weeks ago"; empty if the time is not known.
std::string AgoText(const std::string& created) {
  std::optional<int64_t> time = ParseTimestamp(created);
  return time ? DurationText(UnixNanoseconds() - *time) + " ago" : "";
}

json ToJson(const api::HistoryEntry& entry) {
  return {{"created", entry.created()},
          {"createdBy", entry.created_by()},
          {"comment", entry.comment()},
          {"emptyLayer", entry.empty_layer()},
          {"diskBytes", entry.disk_bytes()}};
}

}  // namespace

Result<json> ImageDocument(const Daemon& daemon, const std::string& name) {
  return ToJson(TRY(Inspect(daemon, name)));
}

Result<int> Perform(const Session& session, const ImageInspectOptions& options) {
  std::vector<json> list;
  std::optional<Error> failure;
  for (const std::string& image : options.images) {
    Result<json> document = ImageDocument(session.daemon, image);
    if (document) {
      list.push_back(std::move(*document));
      continue;
    }
    if (failure) session.console.Remark(failure->ToString());
    failure = document.error();
  }
  TRY(PrintDocuments(session.console, options.format, list));
  if (failure) return std::unexpected(*failure);
  return 0;
}

// Newest first, as docker.
Result<int> Perform(const Session& session, const ImageHistoryOptions& options) {
  api::InspectImageResponse answer = TRY(Inspect(session.daemon, options.image));
  if (session.console.format == OutputFormat::kJson && options.format.empty()) {
    json list = json::array();
    for (int i = answer.history_size(); i-- > 0;) list.push_back(ToJson(answer.history(i)));
    TRY(session.console.PrintJson(list));
    return 0;
  }
  const std::vector<Column> columns = {{"IMAGE", "ID"},
                                       {"CREATED", "CreatedAt"},
                                       {"CREATED BY", "CreatedBy"},
                                       {"SIZE", "Size"},
                                       {"COMMENT", "Comment"}};
  const std::string& id = answer.image().id();
  std::vector<json> rows;
  for (int i = answer.history_size(); i-- > 0;) {
    const api::HistoryEntry& entry = answer.history(i);
    bool newest = i + 1 == answer.history_size();
    rows.push_back(
        {{"ID", newest ? (options.no_trunc ? id : ShortId(id)) : "<missing>"},
         {"CreatedAt", entry.created()},
         {"CreatedSince", AgoText(entry.created())},
         {"CreatedBy", options.no_trunc ? entry.created_by() : Shortened(entry.created_by(), kCommandWidth)},
         {"Size", SizeText(entry.disk_bytes())},
         {"Comment", entry.comment()}});
  }
  TRY(PrintRows(session.console, options.quiet ? "{{.ID}}" : options.format, columns, rows));
  return 0;
}

}  // namespace davit::cli
