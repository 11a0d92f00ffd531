// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/testing/fake_images.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <thread>

namespace davit::cli {
namespace {

constexpr char kDigest[] = "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd";

template <typename Message>
void AddLayer(Message& message, uint32_t index, api::LayerProgress::State state, int64_t received) {
  api::LayerProgress* layer = message.add_layers();
  layer->set_digest("sha256:" + std::string(64, static_cast<char>('a' + index)));
  layer->set_index(index);
  layer->set_state(state);
  layer->set_received(received);
  layer->set_size(2'000'000);
}

grpc::Status UntilCancelled(grpc::ServerContext& context) {
  while (!context.IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return {grpc::StatusCode::CANCELLED, "given up"};
}

}  // namespace

void FakeImages::Add(const std::string& name) {
  std::lock_guard lock(mutex_);
  names_.insert(name);
}

void FakeImages::Remove(const std::string& name_or_id) {
  for (const std::string& name : names()) {
    if (name != name_or_id && IdOf(name) != name_or_id) continue;
    std::lock_guard lock(mutex_);
    names_.erase(name);
    return;
  }
}

bool FakeImages::Has(const std::string& name) const {
  std::lock_guard lock(mutex_);
  return names_.contains(name);
}

std::vector<std::string> FakeImages::names() const {
  std::lock_guard lock(mutex_);
  return {names_.begin(), names_.end()};
}

std::string FakeImages::IdOf(const std::string& name) const {
  std::vector<std::string> all = names();
  auto number = std::ranges::find(all, name) - all.begin() + 1;
  return "sha256:" + std::to_string(number) + std::string(63, '0');
}

std::vector<api::PullImageRequest> FakeImages::pulls() const {
  std::lock_guard lock(mutex_);
  return pulls_;
}

std::vector<api::PushImageRequest> FakeImages::pushes() const {
  std::lock_guard lock(mutex_);
  return pushes_;
}

std::vector<api::ExportImagesRequest> FakeImages::exports() const {
  std::lock_guard lock(mutex_);
  return exports_;
}

std::vector<std::string> FakeImages::imports() const {
  std::lock_guard lock(mutex_);
  return imports_;
}

std::vector<std::string> FakeImages::calls() const {
  std::lock_guard lock(mutex_);
  return calls_;
}

api::Image FakeImages::ImageOf(const std::string& name) const {
  api::Image image;
  image.set_id(IdOf(name));
  image.add_tags("docker.io/library/" + name + ":latest");
  if (name == "two-tags") image.add_tags("docker.io/library/another:latest");
  image.add_digests("docker.io/library/" + name + "@" + kDigest);
  image.set_size(1'000'000);
  image.set_disk_bytes(4'213'000);
  image.set_incomplete(name.starts_with("incomplete"));
  api::ImageLayer* layer = image.add_layers();
  layer->set_chain_id("sha256:" + std::string(64, 'b'));
  layer->set_disk_bytes(4'213'000);
  return image;
}

grpc::Status FakeImages::Pull(grpc::ServerContext* context, const api::PullImageRequest* request,
                              grpc::ServerWriter<api::PullImageResponse>* writer) {
  const std::string& name = request->reference();
  if (name.starts_with("missing"))
    return {grpc::StatusCode::NOT_FOUND, "pull " + name + ": no such manifest"};
  if (name.starts_with("private.test") && request->credentials().password() != "secret")
    return {grpc::StatusCode::UNAUTHENTICATED, "log in to private.test: it wants a user name and a password"};
  api::PullImageResponse begin;
  AddLayer(begin, 0, api::LayerProgress::EXISTS, 0);
  AddLayer(begin, 1, api::LayerProgress::DOWNLOADING, 500'000);
  writer->Write(begin);
  if (name.starts_with("slow")) return UntilCancelled(*context);
  Add(name);
  api::PullImageResponse end;
  AddLayer(end, 1, api::LayerProgress::DONE, 2'000'000);
  writer->Write(end);
  api::PullImageResponse result;
  result.mutable_image()->set_id(IdOf(name));
  result.mutable_image()->set_reference("docker.io/library/" + name + ":latest");
  result.mutable_image()->set_digest(kDigest);
  writer->Write(result);
  std::lock_guard lock(mutex_);
  pulls_.push_back(*request);
  return grpc::Status::OK;
}

grpc::Status FakeImages::Push(grpc::ServerContext* context, const api::PushImageRequest* request,
                              grpc::ServerWriter<api::PushImageResponse>* writer) {
  const std::string& name = request->image();
  if (name.starts_with("private.test") && request->credentials().password() != "secret")
    return {grpc::StatusCode::UNAUTHENTICATED, "log in to private.test: it wants a user name and a password"};
  api::PushImageResponse layers;
  AddLayer(layers, 0, api::LayerProgress::MOUNTED, 0);
  AddLayer(layers, 1, api::LayerProgress::UPLOADING, 500'000);
  writer->Write(layers);
  if (name.starts_with("slow")) return UntilCancelled(*context);
  api::PushImageResponse end;
  AddLayer(end, 1, api::LayerProgress::DONE, 2'000'000);
  writer->Write(end);
  api::PushImageResponse result;
  result.mutable_image()->set_reference("docker.io/library/" + name + ":latest");
  result.mutable_image()->set_digest(kDigest);
  result.mutable_image()->set_size(527);
  if (name.starts_with("partly")) result.mutable_image()->set_warning("only one platform");
  writer->Write(result);
  std::lock_guard lock(mutex_);
  pushes_.push_back(*request);
  return grpc::Status::OK;
}

grpc::Status FakeImages::Export(grpc::ServerContext* context, const api::ExportImagesRequest* request,
                                grpc::ServerWriter<api::ExportImagesResponse>* writer) {
  for (const std::string& image : request->images()) {
    if (image.starts_with("missing")) return {grpc::StatusCode::NOT_FOUND, "find image " + image};
    api::ExportImagesResponse message;
    message.set_data("archive of " + image + "\n");
    writer->Write(message);
    if (image.starts_with("broken"))
      return {grpc::StatusCode::DATA_LOSS, "save " + image + ": a blob is wrong"};
    if (image.starts_with("endless")) {
      while (writer->Write(message)) {
      }
    }
    if (image.starts_with("slow")) return UntilCancelled(*context);
  }
  std::lock_guard lock(mutex_);
  exports_.push_back(*request);
  return grpc::Status::OK;
}

grpc::Status FakeImages::Import(
    grpc::ServerContext*,
    grpc::ServerReaderWriter<api::ImportImagesResponse, api::ImportImagesRequest>* stream) {
  std::string archive;
  api::ImportImagesRequest message;
  while (!message.end()) {
    if (!stream->Read(&message)) return {grpc::StatusCode::CANCELLED, "the client has left before the end"};
    archive += message.data();
    if (archive.starts_with("full")) return {grpc::StatusCode::RESOURCE_EXHAUSTED, "the disk is full"};
  }
  api::ImportImagesResponse layers;
  AddLayer(layers, 0, api::LayerProgress::DONE, 2'000'000);
  stream->Write(layers);
  api::ImportImagesResponse results;
  api::ImportResult* named = results.add_results();
  named->set_id(kDigest);
  named->add_tags("docker.io/library/loaded:v1");
  named->add_warnings("a name is left out");
  results.add_results()->set_id(kDigest);
  if (archive.starts_with("bad")) {
    results.add_results()->set_error("load one: no such layer");
    results.add_results()->set_error("load two: no such layer");
  }
  stream->Write(results);
  std::lock_guard lock(mutex_);
  imports_.push_back(archive);
  return grpc::Status::OK;
}

grpc::Status FakeImages::List(grpc::ServerContext*, const api::ListImagesRequest* request,
                              grpc::ServerWriter<api::ListImagesResponse>* writer) {
  std::string digits = request->image();
  if (digits.starts_with("sha256:")) digits = digits.substr(7);
  for (const std::string& name : names()) {
    bool wanted =
        request->image().empty() || request->image() == name || IdOf(name).substr(7).starts_with(digits);
    if (!wanted) continue;
    api::ListImagesResponse message;  // one per image: a client has to join them
    *message.add_images() = ImageOf(name);
    writer->Write(message);
  }
  return grpc::Status::OK;
}

grpc::Status FakeImages::Inspect(grpc::ServerContext*, const api::InspectImageRequest* request,
                                 api::InspectImageResponse* response) {
  std::string name = NameOf(request->image());
  if (name.empty()) return {grpc::StatusCode::NOT_FOUND, "find image " + request->image()};
  *response->mutable_image() = ImageOf(name);
  std::string year = name.starts_with("old") ? "2020" : "2024";
  response->set_config(
      R"({"created":")" + year +
      R"(-05-01T00:00:00Z","architecture":"amd64","os":"linux",)"
      R"("config":{"Cmd":["sh"],"ExposedPorts":{"80/tcp":{},"53/udp":{}},"Labels":{"name":")" +
      name + R"("}},"rootfs":{"type":"layers","diff_ids":["sha256:1"]}})");
  response->set_manifest(R"({"schemaVersion":2})");
  api::HistoryEntry* entry = response->add_history();
  entry->set_created("2024-05-01T00:00:00Z");
  entry->set_created_by("ADD rootfs.tar /");
  entry->set_disk_bytes(4'213'000);
  entry = response->add_history();
  entry->set_created_by("ENV " + std::string(100, 'x'));
  entry->set_empty_layer(true);
  return grpc::Status::OK;
}

grpc::Status FakeImages::Tag(grpc::ServerContext*, const api::TagImageRequest* request,
                             api::TagImageResponse* response) {
  if (!Has(request->image())) return {grpc::StatusCode::NOT_FOUND, "find image " + request->image()};
  response->set_id(IdOf(request->image()));
  response->set_tag("docker.io/" + request->tag());
  std::lock_guard lock(mutex_);
  calls_.push_back("Tag " + request->image() + " " + request->tag());
  return grpc::Status::OK;
}

grpc::Status FakeImages::Untag(grpc::ServerContext*, const api::UntagImageRequest* request,
                               api::UntagImageResponse*) {
  if (!Has(request->tag())) return {grpc::StatusCode::NOT_FOUND, "find image " + request->tag()};
  std::lock_guard lock(mutex_);
  calls_.push_back("Untag " + request->tag());
  return grpc::Status::OK;
}

grpc::Status FakeImages::Usage(grpc::ServerContext*, const api::UsageRequest*, api::UsageResponse* response) {
  response->mutable_images()->set_total(5);
  response->mutable_images()->set_active(2);
  response->mutable_images()->set_total_bytes(16'430'000);
  response->mutable_images()->set_reclaimable_bytes(11'630'000);
  response->mutable_containers()->set_total(1);
  response->mutable_blobs()->set_total(3);
  response->mutable_blobs()->set_active(1);
  response->mutable_blobs()->set_total_bytes(2'000'000);
  response->mutable_blobs()->set_reclaimable_bytes(1'500'000);
  response->mutable_unfinished()->set_total(2);
  response->mutable_unfinished()->set_active(1);
  response->mutable_unfinished()->set_total_bytes(4'000'000);
  response->mutable_unfinished()->set_reclaimable_bytes(3'000'000);
  for (const std::string& name : names()) {
    auto* share = response->add_by_image();
    *share->mutable_image() = ImageOf(name);
    share->set_unique_bytes(213'000);
    share->set_shared_bytes(4'000'000);
  }
  return grpc::Status::OK;
}

grpc::Status FakeImages::Prune(grpc::ServerContext*, const api::PruneImagesRequest* request,
                               api::PruneImagesResponse* response) {
  for (const std::string& name : names()) {
    *response->add_removed() = ImageOf(name);
    if (!request->dry_run()) Remove(name);
  }
  response->set_reclaimed_bytes(4'213'000);
  std::lock_guard lock(mutex_);
  calls_.push_back(std::string("Prune") + (request->all() ? " all" : "") +
                   (request->dry_run() ? " dry" : ""));
  return grpc::Status::OK;
}

std::string FakeImages::NameOf(const std::string& image) const {
  for (const std::string& name : names())
    if (name == image || IdOf(name) == image) return name;
  return "";
}

api::ImageHealth FakeImages::HealthOf(const std::string& name) const {
  api::Image image = ImageOf(name);
  std::lock_guard lock(mutex_);
  bool incomplete = image.incomplete() && !repaired_.contains(name);
  bool damaged = (incomplete || name.starts_with("damaged")) && !repaired_.contains(name);
  api::ImageHealth health;
  health.set_id(image.id());
  health.add_tags(image.tags(0));
  health.set_whole(!damaged);
  health.set_incomplete(incomplete);
  api::LayerHealth* layer = health.add_layers();
  layer->set_chain_id(image.layers(0).chain_id());
  layer->set_entries(412);
  layer->set_state(damaged ? api::LayerHealth::DAMAGED : api::LayerHealth::WHOLE);
  layer->set_problems(damaged ? 2 : 0);
  if (damaged) layer->add_examples("bin/sh: has 0 bytes instead of 12");
  return health;
}

grpc::Status FakeImages::Verify(grpc::ServerContext*, const api::VerifyImagesRequest* request,
                                grpc::ServerWriter<api::VerifyImagesResponse>* writer) {
  std::vector<std::string> wanted(request->images().begin(), request->images().end());
  if (wanted.empty()) wanted = names();
  for (const std::string& image : wanted) {
    std::string name = NameOf(image);
    if (name.empty()) return {grpc::StatusCode::NOT_FOUND, "find image " + image};
    api::VerifyImagesResponse message;
    *message.mutable_image() = HealthOf(name);
    writer->Write(message);
  }
  std::lock_guard lock(mutex_);
  calls_.push_back(std::string("Verify") + (request->quick() ? " quick" : ""));
  return grpc::Status::OK;
}

grpc::Status FakeImages::Repair(grpc::ServerContext*, const api::RepairImageRequest* request,
                                grpc::ServerWriter<api::RepairImageResponse>* writer) {
  std::string name = NameOf(request->image());
  if (name.empty()) return {grpc::StatusCode::NOT_FOUND, "find image " + request->image()};
  api::RepairImageResponse message;
  *message.mutable_found() = HealthOf(name);
  writer->Write(message);
  if (message.found().whole()) return grpc::Status::OK;
  if (name == "damaged-for-ever") return {grpc::StatusCode::UNAVAILABLE, "the registry does not answer"};
  std::lock_guard lock(mutex_);
  repaired_.insert(name);
  std::string user;
  for (const api::Credentials& source : request->source_credentials())
    user += source.username() + "@" + source.server_address();
  calls_.push_back("Repair " + name + " " + user);
  return grpc::Status::OK;
}

grpc::Status FakeImages::CheckCredentials(grpc::ServerContext*, const api::CheckCredentialsRequest* request,
                                          api::CheckCredentialsResponse*) {
  {
    std::lock_guard lock(mutex_);
    calls_.push_back("CheckCredentials " + request->registry() + " " + request->credentials().username());
  }
  if (request->credentials().password() == "secret") return grpc::Status::OK;
  return {grpc::StatusCode::UNAUTHENTICATED,
          "log in to " + request->registry() + ": the credentials were refused"};
}

}  // namespace davit::cli
