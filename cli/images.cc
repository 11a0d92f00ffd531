// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// pull, images and rmi.
#include <nlohmann/json.hpp>

#include "cli/each.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

struct Reference {
  std::string repository;
  std::string tag;
};

// The last colon separates the tag: one before it belongs to the registry's port.
Reference SplitTag(const std::string& text) {
  size_t colon = text.rfind(':');
  return {text.substr(0, colon), colon == std::string::npos ? "" : text.substr(colon + 1)};
}

void AddRows(Table& table, const v1::Image& image) {
  std::string id = ShortId(image.id());
  std::string size = SizeText(image.size());
  for (const std::string& tag : image.repo_tags()) {
    Reference reference = SplitTag(tag);
    table.Add({reference.repository, reference.tag, id, size});
  }
  if (!image.repo_tags().empty()) return;
  std::string repository;
  if (!image.repo_digests().empty())
    repository = image.repo_digests(0).substr(0, image.repo_digests(0).find('@'));
  table.Add({repository, "", id, size});
}

nlohmann::json ToJson(const v1::Image& image) {
  nlohmann::json value = {{"id", image.id()}, {"size", image.size()}, {"pinned", image.pinned()}};
  value["tags"] = std::vector<std::string>(image.repo_tags().begin(), image.repo_tags().end());
  value["digests"] = std::vector<std::string>(image.repo_digests().begin(), image.repo_digests().end());
  return value;
}

std::string WithoutAlgorithm(const std::string& id) {
  return id.substr(id.find(':') + 1);
}

// `text` as the daemon knows it, or the id of the one image whose id begins with it.
Result<std::string> FindImage(const Daemon& daemon, const std::string& text) {
  v1::ImageStatusRequest request;
  request.mutable_image()->set_image(text);
  // A daemon may take the beginning of an id for a bad name.
  Result<v1::ImageStatusResponse> known = daemon.Call(&ImageStub::ImageStatus, request);
  if (!known && known.error().code != Code::kInvalidArgument) return std::unexpected(known.error());
  if (known && known->has_image()) return text;

  auto images = TRY(daemon.Call(&ImageStub::ListImages, v1::ListImagesRequest()));
  std::string found;
  for (const v1::Image& image : images.images()) {
    if (!image.id().starts_with(text) && !WithoutAlgorithm(image.id()).starts_with(text)) continue;
    if (!found.empty())
      return Fail(Code::kInvalidArgument, "", text, "several images have ids that begin so");
    found = image.id();
  }
  if (found.empty()) return Fail(Code::kNotFound, "", text, "no such image");
  return found;
}

}  // namespace

Result<int> Perform(const Session& session, const PullOptions& options) {
  v1::PullImageRequest request;
  request.mutable_image()->set_image(options.image);
  auto response = TRY(session.daemon.Call(&ImageStub::PullImage, request, CallMode::kPatient));
  if (session.console.format == OutputFormat::kJson) {
    TRY(session.console.PrintJson({{"image", options.image}, {"id", response.image_ref()}}));
  } else {
    TRY(session.console.Print(response.image_ref() + "\n"));
  }
  return 0;
}

Result<int> Perform(const Session& session, const ImagesOptions& /*options*/) {
  auto response = TRY(session.daemon.Call(&ImageStub::ListImages, v1::ListImagesRequest()));
  if (session.console.format == OutputFormat::kJson) {
    nlohmann::json list = nlohmann::json::array();
    for (const v1::Image& image : response.images()) list.push_back(ToJson(image));
    TRY(session.console.PrintJson(list));
    return 0;
  }
  Table table({"REPOSITORY", "TAG", "ID", "SIZE"});
  for (const v1::Image& image : response.images()) AddRows(table, image);
  TRY(session.console.Print(table.ToString()));
  return 0;
}

Result<int> Perform(const Session& session, const RmiOptions& options) {
  return ForEach(session, options.images, [&](const std::string& name) -> Result<> {
    v1::RemoveImageRequest request;
    request.mutable_image()->set_image(TRY(FindImage(session.daemon, name)));
    TRY(session.daemon.Call(&ImageStub::RemoveImage, request));
    return {};
  });
}

}  // namespace davit::cli
