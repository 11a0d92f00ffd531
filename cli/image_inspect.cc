// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// image inspect and image history.
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

using nlohmann::json;

constexpr size_t kCommandWidth = 45;  // as docker cuts it

Result<api::InspectImageResponse> Inspect(const Session& session, const std::string& image) {
  api::InspectImageRequest request;
  request.set_image(image);
  return session.daemon.Call(&OwnImageStub::Inspect, request);
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

json ToJson(const api::HistoryEntry& entry) {
  return {{"created", entry.created()},
          {"createdBy", entry.created_by()},
          {"comment", entry.comment()},
          {"emptyLayer", entry.empty_layer()},
          {"diskBytes", entry.disk_bytes()}};
}

}  // namespace

Result<int> Perform(const Session& session, const ImageInspectOptions& options) {
  json list = json::array();
  std::optional<Error> failure;
  for (const std::string& image : options.images) {
    Result<api::InspectImageResponse> answer = Inspect(session, image);
    if (answer) {
      list.push_back(ToJson(*answer));
      continue;
    }
    if (failure) session.console.Remark(failure->ToString());
    failure = answer.error();
  }
  TRY(session.console.PrintJson(list));
  if (failure) return std::unexpected(*failure);
  return 0;
}

// Newest first, as docker.
Result<int> Perform(const Session& session, const ImageHistoryOptions& options) {
  api::InspectImageResponse answer = TRY(Inspect(session, options.image));
  if (session.console.format == OutputFormat::kJson) {
    json list = json::array();
    for (int i = answer.history_size(); i-- > 0;) list.push_back(ToJson(answer.history(i)));
    TRY(session.console.PrintJson(list));
    return 0;
  }
  Table table({"IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"});
  const std::string& id = answer.image().id();
  for (int i = answer.history_size(); i-- > 0;) {
    const api::HistoryEntry& entry = answer.history(i);
    bool newest = i + 1 == answer.history_size();
    table.Add({newest ? (options.no_trunc ? id : ShortId(id)) : "<missing>", entry.created(),
               options.no_trunc ? entry.created_by() : Shortened(entry.created_by(), kCommandWidth),
               SizeText(entry.disk_bytes()), entry.comment()});
  }
  TRY(session.console.Print(table.ToString()));
  return 0;
}

}  // namespace davit::cli
