// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/archive/image_save.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "base/json.h"
#include "base/json_object.h"
#include "images/archive/layout.h"
#include "images/archive/tar_writer.h"
#include "images/blob_source.h"
#include "images/digest.h"
#include "images/manifest.h"
#include "images/reference.h"

namespace davit::images {
namespace {

// An image and what the archive says about it.
struct Entry {
  const ImageToSave& request;
  std::string manifest_digest;
  std::string manifest_type;
  Manifest manifest;
};

Result<Entry> ReadEntry(const ImageToSave& request) {
  const std::string& json = request.image.manifest_json;
  Entry entry{request, "", "", {}};
  auto parsed = TRY(ParseManifest(json, ""));
  if (!std::holds_alternative<Manifest>(parsed))
    return Fail(Code::kInternal, "read", "manifest", "is an index");
  entry.manifest = std::get<Manifest>(std::move(parsed));
  entry.manifest_digest = TRY(Sha256Of(json));
  entry.manifest_type = TRY(JsonObject::Parse(json, "manifest")).String("mediaType");
  if (entry.manifest_type.empty()) entry.manifest_type = kOciManifestMediaType;
  return entry;
}

nlohmann::json IndexEntry(const Entry& entry, const std::string& tag) {
  nlohmann::json object = nlohmann::json::object();
  SetJsonMember(object, "mediaType", entry.manifest_type);
  SetJsonMember(object, "digest", entry.manifest_digest);
  SetJsonMember(object, "size", entry.request.image.manifest_json.size());
  if (tag.empty()) return object;
  nlohmann::json& annotations = JsonObjectMember(object, "annotations");
  SetJsonMember(annotations, kImageNameAnnotation, tag);
  if (auto reference = ParseReference(tag)) SetJsonMember(annotations, kRefNameAnnotation, reference->tag);
  return object;
}

// index.json: one entry for each tag, as each has one name.
std::string IndexDocument(const std::vector<Entry>& entries) {
  nlohmann::json manifests = nlohmann::json::array();
  for (const Entry& entry : entries) {
    if (entry.request.tags.empty()) manifests.push_back(IndexEntry(entry, ""));
    for (const std::string& tag : entry.request.tags) manifests.push_back(IndexEntry(entry, tag));
  }
  nlohmann::json index = nlohmann::json::object();
  SetJsonMember(index, "schemaVersion", 2);
  SetJsonMember(index, "mediaType", kOciIndexMediaType);
  SetJsonMember(index, "manifests", std::move(manifests));
  return PrintJson(index);
}

// manifest.json: Docker's short names.
std::string DockerDocument(const std::vector<Entry>& entries) {
  nlohmann::json images = nlohmann::json::array();
  for (const Entry& entry : entries) {
    nlohmann::json tags = nlohmann::json::array();
    for (const std::string& tag : entry.request.tags) {
      auto reference = ParseReference(tag);
      tags.push_back(reference ? reference->Familiar() : tag);
    }
    nlohmann::json layers = nlohmann::json::array();
    for (const Descriptor& layer : entry.manifest.layers) layers.push_back(BlobPath(layer.digest));
    nlohmann::json image = nlohmann::json::object();
    SetJsonMember(image, "Config", BlobPath(entry.manifest.config.digest));
    SetJsonMember(image, "RepoTags", std::move(tags));
    SetJsonMember(image, "Layers", std::move(layers));
    images.push_back(std::move(image));
  }
  return PrintJson(images);
}

// Puts a blob into the archive. Nothing can be taken back there, so the member begins with the first byte: a
// source that has none may come before the one that has all. Use: BlobSource::Send, End.
class ArchiveFile : public BlobSink {
 public:
  ArchiveFile(TarWriter& archive, const Descriptor& blob) : archive_(archive), blob_(blob) {}

  Result<> Begin() override {
    if (!begun_) return {};
    return Fail(Code::kDataLoss, "save", "blob", "the source has sent wrong content");
  }
  Result<> Write(std::string_view piece) override {
    TRY(BeginOnce());
    return archive_.Write(piece);
  }
  // After the last byte, of which there may be none.
  Result<> End() { return BeginOnce(); }

 private:
  Result<> BeginOnce() {
    if (std::exchange(begun_, true)) return {};
    return archive_.BeginFile(BlobPath(blob_.digest), blob_.size);
  }

  TarWriter& archive_;
  const Descriptor& blob_;
  bool begun_ = false;
};

// One archive while it is written.
class Archive {
 public:
  Archive(ByteSink& sink, const Interrupt& interrupt) : tar_(sink), interrupt_(interrupt) {}

  Result<> AddDocuments(const std::vector<Entry>& entries) {
    TRY(tar_.AddFile(kLayoutFile, kLayoutDocument));
    TRY(tar_.AddFile(kIndexFile, IndexDocument(entries)));
    TRY(tar_.AddFile(kDockerFile, DockerDocument(entries)));
    TRY(tar_.AddDirectory("blobs"));
    return tar_.AddDirectory("blobs/sha256");
  }

  Result<> AddImage(const Entry& entry, BlobSource& source) {
    const ImageRecord& image = entry.request.image;
    DocumentSource manifest(entry.manifest_digest, image.manifest_json);
    DocumentSource config(image.id, image.config_json);
    TRY(AddBlob({"", entry.manifest_digest, static_cast<int64_t>(image.manifest_json.size()), {}, {}},
                manifest));
    TRY(AddBlob(entry.manifest.config, config));
    for (const Descriptor& layer : entry.manifest.layers) TRY(AddBlob(layer, source));
    return {};
  }

  Result<> Finish() { return tar_.Finish(); }

 private:
  Result<> AddBlob(const Descriptor& blob, BlobSource& source) {
    TRY(interrupt_.Check());
    if (!written_.insert(blob.digest).second) return {};
    ArchiveFile file(tar_, blob);
    auto sent = source.Send(blob, file);
    if (sent) sent = file.End();
    if (!sent) return std::unexpected(Within(blob.digest, std::move(sent).error()));
    return {};
  }

  TarWriter tar_;
  const Interrupt& interrupt_;
  std::set<std::string> written_;  // digests
};

}  // namespace

Result<> ImageSaver::Save(const std::vector<ImageToSave>& images,
                          const std::optional<RegistryAuth>& source_auth, ByteSink& sink,
                          const Interrupt& interrupt) const {
  std::vector<Entry> entries;
  for (const ImageToSave& image : images) entries.push_back(TRY(ReadEntry(image)));
  Archive archive(sink, interrupt);
  TRY(archive.AddDocuments(entries));
  for (const Entry& entry : entries) {
    std::optional<StoredBlobSource> stored;
    if (blobs_) stored.emplace(*blobs_, interrupt);
    RegistryBlobSource registries(entry.request.image.repo_digests, source_auth, transfer_, interrupt);
    std::vector<BlobSource*> sources;
    if (stored) sources.push_back(&*stored);
    sources.push_back(&registries);
    BlobSources source(std::move(sources));
    if (auto added = archive.AddImage(entry, source); !added)
      return std::unexpected(Within("save " + entry.request.image.id, std::move(added).error()));
  }
  return archive.Finish();
}

}  // namespace davit::images
