// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/image_filter.h"

#include <fnmatch.h>

#include <algorithm>

#include "base/json.h"
#include "cli/moment.h"

namespace davit::cli {
namespace {

using nlohmann::json;

Result<std::optional<int64_t>> CreationOf(const Daemon& daemon, const std::string& image) {
  api::InspectImageRequest request;
  request.set_image(image);
  const api::InspectImageResponse answer = TRY(daemon.Call(&OwnImageStub::Inspect, request));
  return ParseTimestamp(JsonTextMember(JsonOrNull(answer.config()), "created"));
}

std::string WithoutTag(const std::string& name) {
  size_t colon = name.rfind(':');
  return colon == std::string::npos || name.find('/', colon) != std::string::npos ? name
                                                                                  : name.substr(0, colon);
}

}  // namespace

Result<ImageFacts> ReadImageFacts(const Daemon& daemon, const std::string& image) {
  api::InspectImageRequest request;
  request.set_image(image);
  Result<api::InspectImageResponse> answer = daemon.Call(&OwnImageStub::Inspect, request);
  if (!answer && answer.error().code == Code::kNotFound) return ImageFacts();
  if (!answer) return std::unexpected(std::move(answer).error());
  ImageFacts facts;
  const json document = JsonOrNull(answer->config());
  facts.created = ParseTimestamp(JsonTextMember(document, "created")).value_or(0);
  const json* config = JsonMember(document, "config");
  const json* labels = config == nullptr ? nullptr : JsonMember(*config, "Labels");
  if (labels == nullptr || !labels->is_object()) return facts;
  for (const auto& label : labels->items())
    if (const std::string* value = JsonText(label.value())) facts.labels[label.key()] = *value;
  return facts;
}

std::string FamiliarName(const std::string& name) {
  for (const char* prefix : {"docker.io/library/", "docker.io/"})
    if (name.starts_with(prefix)) return name.substr(std::string_view(prefix).size());
  return name;
}

Result<ImageFilter> ImageFilter::Parse(const std::vector<std::string>& filters,
                                       const std::string& reference) {
  ImageFilter parsed;
  std::vector<std::string> texts = filters;
  if (!reference.empty()) texts.push_back("reference=" + reference);
  parsed.filters_ = TRY(Filters::Parse(texts, {"before", "dangling", "label", "reference", "since"}));
  for (const std::string& value : parsed.filters_.Of("dangling"))
    parsed.dangling_ = TRY(ParseFilterSwitch("dangling", value));
  return parsed;
}

Result<> ImageFilter::Resolve(const Daemon& daemon) {
  for (const std::string& image : filters_.Of("before")) before_ = TRY(CreationOf(daemon, image));
  for (const std::string& image : filters_.Of("since")) since_ = TRY(CreationOf(daemon, image));
  return {};
}

bool ImageFilter::TakesName(const std::string& tag) const {
  return filters_.Any("reference", [&](const std::string& pattern) {
    for (const std::string& name : {tag, FamiliarName(tag)})
      for (const std::string& form : {name, WithoutTag(name)})
        if (fnmatch(pattern.c_str(), form.c_str(), FNM_PATHNAME) == 0) return true;
    return false;
  });
}

bool ImageFilter::Takes(const api::Image& image, const ImageFacts& facts) const {
  if (dangling_ && *dangling_ != image.tags().empty()) return false;
  if (filters_.Has("before") && (!before_ || facts.created == 0 || facts.created >= *before_)) return false;
  if (filters_.Has("since") && (!since_ || facts.created <= *since_)) return false;
  return filters_.HasLabels(facts.labels);
}

}  // namespace davit::cli
