// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/registry_client.h"

#include <set>
#include <utility>

#include "images/advice.h"
#include "images/digest.h"

namespace davit::images {
namespace {

constexpr int64_t kMaxDocument = 8 << 20;

class StringSink : public BlobSink {
 public:
  Result<> Begin() override {
    text_.clear();
    return {};
  }
  Result<> Write(std::string_view piece) override {
    text_ += piece;
    return {};
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

bool IsUnreachable(const Setback& setback) {
  return setback.progress == 0 && (setback.outcome == Outcome::kCut || setback.outcome == Outcome::kStalled);
}

std::string Text(const Error& error) {
  return error.subject + " " + error.context;
}

}  // namespace

RegistryClient::RegistryClient(Reference reference, ProxySettings proxies, Options options,
                               const Interrupt& interrupt)
    : reference_(std::move(reference)),
      options_(std::move(options)),
      interrupt_(interrupt),
      http_(options_.transfer, std::move(proxies)),
      origin_tls_(options_.certs_d) {}

RegistryClient::~RegistryClient() = default;

Result<std::unique_ptr<RegistryClient>> RegistryClient::Create(Reference reference,
                                                               std::vector<RegistryHost> hosts,
                                                               const std::optional<RegistryAuth>& auth,
                                                               Options options, const Interrupt& interrupt) {
  std::unique_ptr<RegistryClient> client(new RegistryClient(
      std::move(reference), TRY(ProxySettings::OfThisProcess()), std::move(options), interrupt));
  client->authorizer_ =
      TRY(Authorizer::Create(client->http_, client->origin_tls_, auth, client->reference_.repository));
  if (!hosts.empty()) client->authorizer_->SetServer(client->reference_.host, hosts.back().host);
  HostClient::Shared shared{client->http_, *client->authorizer_, client->origin_tls_, interrupt,
                            client->reference_.host};
  for (RegistryHost& host : hosts) client->hosts_.push_back(TRY(HostClient::Create(std::move(host), shared)));
  return client;
}

ObjectRequest RegistryClient::RequestFor(const Object& object, Turn turn) const {
  ObjectRequest request;
  request.has_alternative = turn.others_left;
  request.path = reference_.repository + "/" + object.kind + "/" + object.name;
  request.registry = reference_.host;
  if (object.kind == "manifests") request.accept = kManifestMediaTypes;
  return request;
}

// The hosts that may serve the object, in the order in which they are tried.
std::vector<size_t> RegistryClient::HostsFor(const Object& object) const {
  std::vector<size_t> indices, unreachable;
  for (size_t i = 0; i < hosts_.size(); ++i) {
    const RegistryHost& host = hosts_[i]->host();
    if (object.by_tag ? host.resolve : host.pull)
      (hosts_[i]->reachable() ? indices : unreachable).push_back(i);
  }
  indices.insert(indices.end(), unreachable.begin(), unreachable.end());
  return indices;
}

Result<> RegistryClient::FromAnyHost(const Object& object, const AttemptAt& attempt) {
  std::string what =
      reference_.Name() + (object.name.find(':') == std::string::npos ? ":" : "@") + object.name;
  std::vector<size_t> order = HostsFor(object);
  std::set<size_t> asked;
  auto done = RunAttempts(order.size(), options_.retry, interrupt_, [&](size_t position) {
    asked.insert(position);
    auto attempted = attempt({order[position], asked.size() < order.size()});
    hosts_[order[position]]->set_reachable(attempted || !IsUnreachable(attempted.error()));
    return attempted;
  });
  if (done) return {};
  if (auto check = interrupt_.Check(); !check) return std::unexpected(Within("fetch " + what, check.error()));
  std::map<size_t, Error> by_host;
  for (auto& [position, setback] : done.error()) by_host.emplace(order[position], std::move(setback.error));
  return Failure(what, object.by_tag, by_host);
}

std::unexpected<Error> RegistryClient::Failure(const std::string& what, bool by_tag,
                                               const std::map<size_t, Error>& by_host) const {
  if (by_host.empty()) return Fail(Code::kNotFound, "fetch", what, "no configured server may serve it");
  std::string others;
  Error last;
  for (const auto& [host, error] : by_host) {
    if (!last.subject.empty()) others += (others.empty() ? " (before: " : "; ") + Text(last);
    last = error;
    // The transport's errors name the host; others do not yet.
    if (last.step.empty() || last.subject.empty()) last.subject = hosts_[host]->host().host;
  }
  if (!others.empty()) last.context += others + ")";
  last.context += PullAdvice({last.code, reference_.host, by_tag, authorizer_->has_credentials()});
  std::string detail = last.step.empty() ? last.subject : last.step + " " + last.subject;
  Error error{last.code, /*os_errno=*/0, "fetch", what, detail + ": " + last.context};
  if (error.code == Code::kUnavailable) error.reason = Reason::kRegistryUnavailable;
  return std::unexpected(std::move(error));
}

Attempted<> RegistryClient::FetchManifestAt(Turn turn, const Object& object, ManifestDocument& document) {
  auto response = hosts_[turn.host]->Get(RequestFor(object, turn), nullptr);
  if (!response) return std::unexpected(std::move(response).error());
  std::string expected = object.by_tag ? response->Header("docker-content-digest") : object.name;
  Hasher hasher = TRY(Hasher::For(IsDigest(expected) ? expected : ""));
  hasher.Update(response->body);
  document.digest = hasher.Finish();
  if (IsDigest(expected) && document.digest != expected) {
    std::string why = "sent a manifest with digest " + document.digest + " for " + expected;
    return std::unexpected(Setback(Outcome::kRefused, Fail(Code::kDataLoss, "", "", why).error()));
  }
  std::string type = response->Header("content-type");
  document.media_type = type.substr(0, type.find_first_of("; "));
  document.bytes = std::move(response->body);
  return {};
}

Result<> RegistryClient::CheckLogin() {
  HostClient& server = *hosts_.back();
  ObjectRequest root;
  root.registry = reference_.host;
  auto done = RunAttempts(/*hosts=*/1, options_.retry, interrupt_, [&](size_t) -> Attempted<> {
    auto response = server.Get(root, nullptr);
    return response ? Attempted<>() : std::unexpected(std::move(response).error());
  });
  if (done) return {};
  TRY(interrupt_.Check());
  Error error = std::move(done.error().begin()->second.error);
  if (error.subject.empty()) error.subject = server.host().host;
  return std::unexpected(std::move(error));
}

Result<ManifestDocument> RegistryClient::FetchManifest(const std::string& tag_or_digest) {
  Object object{"manifests", tag_or_digest, !IsDigest(tag_or_digest)};
  ManifestDocument document;
  TRY(FromAnyHost(object, [&](Turn turn) { return FetchManifestAt(turn, object, document); }));
  return document;
}

Result<> RegistryClient::FetchBlob(const Descriptor& descriptor, BlobSink& sink) {
  Object object{"blobs", descriptor.digest, false};
  BlobStream stream(descriptor, sink);
  auto fetched = FromAnyHost(object, [&](Turn turn) -> Attempted<> {
    if (auto started = stream.StartAttempt(turn.host); !started || stream.verified()) return started;
    ObjectRequest request = RequestFor(object, turn);
    request.first_byte = stream.position();
    auto response = hosts_[turn.host]->Get(request, &stream);
    return stream.EndAttempt(response ? Attempted<>() : std::unexpected(std::move(response).error()));
  });
  // Whatever failed here is reported as it is: it has nothing to do with a host.
  if (stream.local_error()) return std::unexpected(*stream.local_error());
  return fetched;
}

Result<std::string> RegistryClient::FetchDocument(const Descriptor& descriptor) {
  if (descriptor.size > kMaxDocument) {
    return Fail(Code::kResourceExhausted, "fetch", reference_.Name() + "@" + descriptor.digest,
                "larger than 8 MiB");
  }
  StringSink sink;
  TRY(FetchBlob(descriptor, sink));
  return sink.Take();
}

}  // namespace davit::images
