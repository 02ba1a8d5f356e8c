// SPDX-License-Identifier: MIT
// A person with the encryption of Element: matrix-js-sdk on its Rust crypto, in the mode that neither sends
// to, nor shows what comes from, devices that their owner has not signed.
//
//     node element.mjs URL USER PASSWORD
//
// Answers each line of input, a JSON array of a verb below and its arguments, with one of output: what the
// verb returned, as JSON. Ends with its input, or when a verb fails. The packages are found from the folder that it is started in.

import { createDecipheriv, createHash } from "node:crypto";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const PATIENCE_MS = 180000; // it ends a test that has failed
const events = []; // of all rooms, in the order in which they came: what a sync left out comes after it
const gaps = new Set(); // that are being closed
let seen = 0; // of these, by `next`
const [url, user, password] = process.argv.slice(2);

console.log = console.info = console.debug = console.warn = console.error; // what the library prints
const library = (name) => import(createRequire(process.cwd() + "/").resolve(name));
const sdk = await library("matrix-js-sdk");
const { AllDevicesIsolationMode, OnlySignedDevicesIsolationMode, VerificationPhase } =
    await library("matrix-js-sdk/lib/crypto-api/index.js");
let request, shown; // the verification that is under way, and what it has to compare

async function logIn() {
    const identifier = { type: "m.id.user", user };
    const session = await sdk
        .createClient({ baseUrl: url })
        .loginRequest({ type: "m.login.password", identifier, password });
    const made = sdk.createClient({
        baseUrl: url,
        timelineSupport: true,
        userId: session.user_id,
        deviceId: session.device_id,
        accessToken: session.access_token,
    });
    await made.initRustCrypto({ useIndexedDB: false });
    await made.getCrypto().bootstrapCrossSigning({ authUploadDeviceSigningKeys: (upload) => upload(null) });
    made.getCrypto().setDeviceIsolationMode(new OnlySignedDevicesIsolationMode());
    made.on("Room.timeline", (event) => events.push(event));
    made.on("Room.timelineReset", (room, { liveTimeline }) => {
        if (!events.some((event) => event.getRoomId() === room.roomId && event.isEncrypted())) return;
        const gap = closeGap(made, liveTimeline).finally(() => gaps.delete(gap));
        gaps.add(gap);
    });
    await made.startClient({ initialSyncLimit: 100 });
    return made;
}

// Gets what a sync left out, in pages, as Element does while a person scrolls: up to what was known before,
// where the timelines are joined.
async function closeGap(made, timeline) {
    for (let more = true; more && !timeline.getNeighbouringTimeline("b"); )
        more = await made.paginateEventTimeline(timeline, { backwards: true, limit: 100 }).catch(async () => {
            await new Promise((resolve) => setTimeout(resolve, 200)); // the homeserver is away
            return true;
        });
}

async function until(condition, what, patience = PATIENCE_MS) {
    const deadline = Date.now() + patience;
    for (let value; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
        if ((value = await condition())) return value;
        if (Date.now() > deadline) throw new Error(`no ${what}`);
    }
}

// All events, once there are no gaps in them and each was decrypted, or cannot be.
async function settled() {
    await until(() => !gaps.size, "end of a gap", 4 * PATIENCE_MS);
    await until(() => !events.some((event) => event.isBeingDecrypted()), "end of decryption");
    return events;
}

const heard = (text) =>
    until(() => events.find((event) => event.getContent().body === text), JSON.stringify(text));
const find = (alias) => client.getRooms().find((room) => room.getCanonicalAlias() === alias);

// Why Element would warn of an event, or not show it; nothing if it would not.
async function warning(event) {
    if (event.isDecryptionFailure()) return event.decryptionFailureReason;
    const isRequest = event.getContent().msgtype === "m.key.verification.request"; // which it has in clear
    if (event.getType() === "m.room.message" && !event.isEncrypted() && !isRequest) return "not encrypted";
    const info = event.isEncrypted() && (await client.getCrypto().getEncryptionInfoForEvent(event));
    return info && info.shieldColour ? `shield ${info.shieldColour}, reason ${info.shieldReason}` : null;
}

// A room with a user alone, in which Element verifies them.
async function direct(user) {
    const content = { algorithm: "m.megolm.v1.aes-sha2" };
    const { room_id } = await client.createRoom({
        is_direct: true,
        preset: "trusted_private_chat",
        invite: [user],
        initial_state: [{ type: "m.room.encryption", state_key: "", content }],
    });
    await until(() => client.getRoom(room_id)?.hasEncryptionStateEvent(), "direct room");
    return room_id;
}

const verbs = {
    // Waits for the invitation and accepts it; the room's id.
    async join(alias) {
        const room = await until(() => find(alias), `invitation to ${alias}`);
        await client.joinRoom(room.roomId);
        await until(() => room.getMyMembership() === "join" && room.hasEncryptionStateEvent(), alias);
        return room.roomId;
    },

    async say(room, text) {
        return (await client.sendTextMessage(room, text)).event_id;
    },

    async edit(room, event, text) {
        const content = { msgtype: "m.text", body: text };
        const relation = { rel_type: "m.replace", event_id: event };
        const edit = { ...content, body: `* ${text}`, "m.new_content": content, "m.relates_to": relation };
        return (await client.sendMessage(room, edit)).event_id;
    },

    async inThread(room, root, text) {
        return (await client.sendMessage(room, root, { msgtype: "m.text", body: text })).event_id;
    },

    async reply(room, event, text) {
        const relation = { "m.in_reply_to": { event_id: event } };
        const content = { msgtype: "m.text", body: text, "m.relates_to": relation };
        return (await client.sendMessage(room, content)).event_id;
    },

    async redact(room, event) {
        return (await client.redactEvent(room, event)).event_id;
    },

    // Waits for a message with this text; its sender.
    async hear(text) {
        return (await heard(text)).getSender();
    },

    // Waits for the message that was pinned last in a room, and for its text.
    async pinned(room) {
        const state = () => client.getRoom(room).currentState.getStateEvents("m.room.pinned_events", "");
        const id = await until(() => state()?.getContent().pinned?.at(-1), "pin");
        return until(() => events.find((event) => event.getId() === id)?.getContent().body, "pinned message");
    },

    // The same as `hear`; what the message relates to.
    async relation(text) {
        return (await heard(text)).getWireContent()["m.relates_to"];
    },

    // Waits for a file, which it decrypts: its name, size and SHA-256.
    async file() {
        const event = await until(() => events.find((each) => each.getContent().msgtype === "m.file"), "file");
        const { body, file } = event.getContent();
        const url = client.mxcUrlToHttp(file.url, undefined, undefined, undefined, false, true, true);
        const response = await fetch(url, { headers: { Authorization: `Bearer ${client.getAccessToken()}` } });
        const cipher = Buffer.from(await response.arrayBuffer());
        const digest = (bytes) => createHash("sha256").update(bytes);
        if (digest(cipher).digest("base64").replace(/=+$/, "") !== file.hashes.sha256)
            throw new Error("the file was altered");
        const key = createDecipheriv("aes-256-ctr", Buffer.from(file.key.k, "base64url"), Buffer.from(file.iv, "base64"));
        const plain = Buffer.concat([key.update(cipher), key.final()]);
        return [body, plain.length, digest(plain).digest("hex")];
    },

    // From here on also to, and from, devices that their owner has not signed, or again only signed ones.
    async isolate(signed) {
        const mode = signed ? new OnlySignedDevicesIsolationMode() : new AllDevicesIsolationMode(false);
        client.getCrypto().setDeviceIsolationMode(mode);
        return signed;
    },

    // The sender and the text of the next event of any room, as it was before later edits; null if there is none
    // within so many seconds.
    async next(seconds) {
        const event = await until(() => events[seen], "event", 1000 * seconds).catch(() => null);
        if (!event) return null;
        seen++;
        await until(() => !event.isEncrypted() || event.getClearContent(), "key");
        const content = event.getOriginalContent();
        const about = content["m.relates_to"];
        if (about?.rel_type === "m.annotation") return [event.getSender(), `${about.key} on ${about.event_id}`];
        return [event.getSender(), (content["m.new_content"] ?? content).body ?? ""];
    },

    // Reacts to the last message of another person in the room.
    async react(room, key) {
        const others = events.filter((event) => event.getRoomId() === room && event.getSender() !== user);
        const isText = ({ msgtype }) => msgtype && msgtype !== "m.file";
        const about = others.findLast((event) => isText(event.getContent()) && !event.isRelation("m.replace"));
        const relation = { rel_type: "m.annotation", event_id: about.getId(), key };
        return (await client.sendEvent(room, "m.reaction", { "m.relates_to": relation })).event_id;
    },

    // Asks a user to verify: in a room of its own, or that device by to-device messages.
    async verify(user, device) {
        const crypto = client.getCrypto();
        request = device
            ? await crypto.requestDeviceVerification(user, device)
            : await crypto.requestVerificationDM(user, await direct(user));
        return true;
    },

    // Waits for a user who asks to verify, in that room or by to-device messages, and agrees.
    async accept(user, room) {
        const crypto = client.getCrypto();
        const found = () =>
            room
                ? crypto.findVerificationRequestDMInProgress(room, user)
                : crypto.getVerificationRequestsToDeviceInProgress(user).find((each) => !each.roomId);
        request = await until(found, "request");
        await request.accept();
        return true;
    },

    // Waits for the emojis; who asked starts, as in Element.
    async compare() {
        await until(() => request.phase >= VerificationPhase.Ready, "agreement");
        const verifier = request.initiatedByMe
            ? await request.startVerification("m.sas.v1")
            : await until(() => request.verifier, "start");
        verifier.verify().catch((error) => console.error("not verified:", error));
        shown = await until(() => verifier.getShowSasCallbacks(), "emojis");
        return shown.sas.emoji.map(([symbol, name]) => `${symbol} ${name}`);
    },

    async confirm() {
        await shown.confirm();
        return true;
    },

    async differ() {
        shown.mismatch();
        return true;
    },

    // Waits for the end of the verification: why it was cancelled; null if it was not.
    async verdict() {
        const { Cancelled, Done } = VerificationPhase;
        await until(() => [Cancelled, Done].includes(request.phase), "end");
        return request.cancellationCode;
    },

    // Whether the user counts as verified; waits for it if that is expected: the signature is uploaded first.
    async verified(user, expected) {
        const crypto = client.getCrypto();
        const look = async () => (await crypto.getUserVerificationStatus(user)).isCrossSigningVerified();
        return expected ? until(look, "verified user") : look();
    },

    // Loses the identity, and makes another one, which the homeserver wants the password for. Whom it had
    // verified it has not any more, which Element sends nothing to before that is accepted.
    async reset(verified) {
        const authUploadDeviceSigningKeys = async (upload) => {
            const { session } = await upload(null).catch((error) => error.data);
            const identifier = { type: "m.id.user", user };
            await upload({ type: "m.login.password", identifier, password, session });
        };
        await client.getCrypto().bootstrapCrossSigning({ setupNewCrossSigning: true, authUploadDeviceSigningKeys });
        await client.getCrypto().withdrawVerificationRequirement(verified);
        return true;
    },

    // How many messages with a text that begins with one of these can be read.
    async count(...beginnings) {
        const read = new Set();
        for (const event of await settled())
            if (event.isEncrypted() && beginnings.some((each) => event.getContent().body?.startsWith(each)))
                read.add(event.getId());
        return read.size;
    },

    // How many encrypted events there are, and those that Element would warn of.
    async look() {
        const warnings = [], all = await settled();
        for (const event of all) {
            const why = await warning(event);
            if (why) warnings.push(`${event.getId()} of ${event.getSender()}: ${why}`);
        }
        return { encrypted: all.filter((event) => event.isEncrypted()).length, warnings };
    },
};

const client = await logIn();
for await (const line of createInterface({ input: process.stdin })) {
    const [verb, ...given] = JSON.parse(line);
    process.stdout.write(JSON.stringify(await verbs[verb](...given)) + "\n");
}
process.exit(0);
