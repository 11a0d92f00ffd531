// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// images, rmi, tag and untag.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/time.h"
#include "cli/each.h"
#include "cli/image_filter.h"
#include "cli/image_list.h"
#include "cli/layer_tree.h"
#include "cli/row_output.h"
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

// An image with what its configuration says.
struct Listed {
  api::Image image;
  ImageFacts facts;
};

// The names that satisfy the filter. An image without names has none to satisfy.
std::vector<Row> ChosenRows(const Listed& listed, const ImageFilter& filter) {
  std::vector<Row> rows = RowsOf(listed.image);
  if (!filter.HasReferences()) return rows;
  std::erase_if(rows, [&](const Row& row) {
    return row.tag == kNone || !filter.TakesName(row.repository + ":" + row.tag);
  });
  return rows;
}

// One name in the fields of docker images.
ListRow ToListRow(const Listed& listed, const Row& row, bool no_trunc) {
  const api::Image& image = listed.image;
  int64_t created = listed.facts.created;
  return {{{"Containers", std::to_string(image.containers())},
           {"CreatedAt", created == 0 ? "N/A" : FormatRfc3339Nano(created)},
           {"CreatedSince", created == 0 ? "N/A" : DurationText(UnixNanoseconds() - created) + " ago"},
           {"Digest", row.digest},
           {"ID", no_trunc ? image.id() : ShortId(image.id())},
           {"Repository", row.repository},
           {"SharedSize", "N/A"},
           {"Size", SizeOf(image)},
           {"Tag", row.tag},
           {"UniqueSize", "N/A"},
           {"VirtualSize", SizeOf(image)}},
          listed.facts.labels};
}

// The newest first, as docker does.
Result<std::vector<Listed>> Choose(const Daemon& daemon, const ImageFilter& filter, bool layers) {
  api::ListImagesRequest request;
  request.set_layers(layers);
  std::vector<Listed> chosen;
  for (api::Image& image : TRY(ListImages(daemon, request))) {
    ImageFacts facts = TRY(ReadImageFacts(daemon, image.id()));
    Listed listed{std::move(image), std::move(facts)};
    if (filter.Takes(listed.image, listed.facts) && !ChosenRows(listed, filter).empty())
      chosen.push_back(std::move(listed));
  }
  std::ranges::sort(chosen, [](const Listed& a, const Listed& b) {
    return a.facts.created != b.facts.created ? a.facts.created > b.facts.created
                                              : a.image.id() < b.image.id();
  });
  return chosen;
}

Result<> PrintImages(const Console& console, const std::vector<Listed>& images, const ImageFilter& filter,
                     const ImagesOptions& options) {
  std::vector<Column> columns = {{"REPOSITORY", "Repository"},
                                 {"TAG", "Tag"},
                                 {"IMAGE ID", "ID"},
                                 {"CREATED", "CreatedSince"},
                                 {"SIZE", "Size"}};
  if (options.digests) columns.insert(columns.begin() + 2, Column{"DIGEST", "Digest"});
  std::vector<ListRow> rows;
  for (const Listed& listed : images)
    for (const Row& row : ChosenRows(listed, filter))
      rows.push_back(ToListRow(listed, row, options.no_trunc));
  return PrintRows(console, options.format, columns, rows);
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
  ImageFilter filter = TRY(ImageFilter::Parse(options.filters, options.reference));
  TRY(filter.Resolve(session.daemon));
  const std::vector<Listed> chosen = TRY(Choose(session.daemon, filter, options.tree));
  std::vector<api::Image> images;
  for (const Listed& listed : chosen) images.push_back(listed.image);
  bool as_json = session.console.format == OutputFormat::kJson && options.format.empty();
  if (as_json) {
    nlohmann::json list = nlohmann::json::array();
    for (const api::Image& image : images) list.push_back(ToJson(image));
    TRY(session.console.PrintJson(list));
  } else if (options.tree) {
    TRY(session.console.Print(LayerTree(images)));
  } else if (options.quiet) {
    TRY(session.console.Print(ToIds(images, options.no_trunc)));
  } else {
    TRY(PrintImages(session.console, chosen, filter, options));
  }
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
    if (found.empty() && options.force) return {};
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
