// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// images, rmi, tag and untag.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/each.h"
#include "cli/image_list.h"
#include "cli/layer_tree.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

constexpr char kNone[] = "<none>";

struct Row {
  std::string repository = kNone;
  std::string tag = kNone;
  std::string digest = kNone;
};

// The last colon separates the tag: one before it belongs to the registry's port.
Row TagRow(const std::string& tag) {
  size_t colon = tag.rfind(':');
  return {tag.substr(0, colon), colon == std::string::npos ? kNone : tag.substr(colon + 1), kNone};
}

std::string DigestOf(const api::Image& image, const std::string& repository) {
  for (const std::string& digest : image.digests()) {
    if (digest.starts_with(repository + "@")) return digest.substr(repository.size() + 1);
  }
  return kNone;
}

// One per tag; an image without tags has one that names a repository, if one is known.
std::vector<Row> RowsOf(const api::Image& image) {
  std::vector<Row> rows;
  for (const std::string& tag : image.tags()) {
    rows.push_back(TagRow(tag));
    rows.back().digest = DigestOf(image, rows.back().repository);
  }
  if (!rows.empty()) return rows;
  Row row;
  if (!image.digests().empty()) {
    size_t at = image.digests(0).find('@');
    row.repository = image.digests(0).substr(0, at);
    row.digest = DigestOf(image, row.repository);
  }
  return {row};
}

std::string SizeOf(const api::Image& image) {
  return SizeText(image.disk_bytes()) + (image.incomplete() ? " (incomplete)" : "");
}

std::string ToTable(const std::vector<api::Image>& images, const ImagesOptions& options) {
  Table::Row header = {"REPOSITORY", "TAG", "IMAGE ID", "SIZE"};
  if (options.digests) header.insert(header.begin() + 2, "DIGEST");
  Table table(header);
  for (const api::Image& image : images) {
    for (const Row& row : RowsOf(image)) {
      Table::Row cells = {row.repository, row.tag, options.no_trunc ? image.id() : ShortId(image.id()),
                          SizeOf(image)};
      if (options.digests) cells.insert(cells.begin() + 2, row.digest);
      table.Add(std::move(cells));
    }
  }
  return table.ToString();
}

nlohmann::json ToJson(const api::Image& image) {
  nlohmann::json value = {{"id", image.id()},
                          {"size", image.size()},
                          {"diskBytes", image.disk_bytes()},
                          {"pinned", image.pinned()},
                          {"containers", image.containers()},
                          {"incomplete", image.incomplete()}};
  value["tags"] = std::vector<std::string>(image.tags().begin(), image.tags().end());
  value["digests"] = std::vector<std::string>(image.digests().begin(), image.digests().end());
  for (const api::ImageLayer& layer : image.layers()) {
    value["layers"].push_back(
        {{"chainId", layer.chain_id()}, {"diskBytes", layer.disk_bytes()}, {"images", layer.images()}});
  }
  return value;
}

std::string ToIds(const std::vector<api::Image>& images, bool no_trunc) {
  std::string text;
  for (const api::Image& image : images)
    text += Printable(no_trunc ? image.id() : ShortId(image.id())) + "\n";
  return text;
}

}  // namespace

Result<std::vector<api::Image>> ListImages(const Daemon& daemon, const api::ListImagesRequest& request) {
  std::vector<api::Image> images;
  TRY((daemon.Read<api::ListImagesRequest, api::ListImagesResponse>(
      &OwnImageStub::List, request, [&images](const api::ListImagesResponse& message) {
        images.insert(images.end(), message.images().begin(), message.images().end());
      })));
  return images;
}

Result<int> Perform(const Session& session, const ImagesOptions& options) {
  api::ListImagesRequest request;
  request.set_layers(options.tree);
  std::vector<api::Image> images = TRY(ListImages(session.daemon, request));
  if (session.console.format == OutputFormat::kJson) {
    nlohmann::json list = nlohmann::json::array();
    for (const api::Image& image : images) list.push_back(ToJson(image));
    TRY(session.console.PrintJson(list));
    return 0;
  }
  std::string text = options.tree    ? LayerTree(images)
                     : options.quiet ? ToIds(images, options.no_trunc)
                                     : ToTable(images, options);
  TRY(session.console.Print(text));
  return 0;
}

// Takes the tag away if `name` is one. Returns whether it did.
Result<bool> TakeTag(const Session& session, const std::string& name) {
  api::UntagImageRequest request;
  request.set_tag(name);
  auto untagged = session.daemon.Call(&OwnImageStub::Untag, request);
  if (untagged) return true;
  Code code = untagged.error().code;
  if (code == Code::kNotFound || code == Code::kInvalidArgument) return false;  // an id or a digest
  return std::unexpected(std::move(untagged).error());
}

// As docker: of an image that has other tags, a tag is all that goes by its name.
Result<int> Perform(const Session& session, const RmiOptions& options) {
  return ForEach(session, options.images, [&](const std::string& name) -> Result<> {
    api::ListImagesRequest find;
    find.set_image(name);
    std::vector<api::Image> found = TRY(ListImages(session.daemon, find));
    if (found.empty()) return Fail(Code::kNotFound, "", name, "no such image");
    const api::Image& image = found.front();
    if (image.tags_size() > 1) {
      if (TRY(TakeTag(session, name))) return {};
      // A tag that somebody else has taken away meanwhile must not cost the image.
      if (std::ranges::find(image.tags(), name) != image.tags().end())
        return Fail(Code::kNotFound, "", name, "no such image");
    }
    v1::RemoveImageRequest request;
    request.mutable_image()->set_image(image.id());
    TRY(session.daemon.Call(&ImageStub::RemoveImage, request));
    return {};
  });
}

// Prints nothing, as docker.
Result<int> Perform(const Session& session, const TagOptions& options) {
  api::TagImageRequest request;
  request.set_image(options.image);
  request.set_tag(options.tag);
  auto response = TRY(session.daemon.Call(&OwnImageStub::Tag, request));
  if (session.console.format == OutputFormat::kJson)
    TRY(session.console.PrintJson({{"id", response.id()}, {"tag", response.tag()}}));
  return 0;
}

Result<int> Perform(const Session& session, const UntagOptions& options) {
  return ForEach(session, options.tags, [&](const std::string& tag) -> Result<> {
    api::UntagImageRequest request;
    request.set_tag(tag);
    TRY(session.daemon.Call(&OwnImageStub::Untag, request));
    return {};
  });
}

}  // namespace davit::cli
