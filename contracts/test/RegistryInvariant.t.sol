// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {BabyJubJub} from "../src/BabyJubJub.sol";
import {Consortium} from "../src/Consortium.sol";
import {IssuerRegistry} from "../src/IssuerRegistry.sol";
import {PoseidonT6} from "../src/PoseidonT6.sol";
import {Harness} from "./Harness.sol";
import {TestKeys} from "./TestKeys.sol";

/// @title Acts on the registry at random, and keeps a model of it.
contract RegistryActor is Harness {
    struct Model {
        IssuerRegistry.State state;
        address issuer;
        uint32 schema;
        uint16 version;
        uint40 accreditedUntil;
        uint256 x;
        uint256 y;
        uint256 statusRoot;
    }

    struct Root {
        uint256 root;
        uint256 replacedAt;
        // Which entries it has, by index.
        uint256 holds;
    }

    uint256 internal constant MOST_ENTRIES = 31;

    Model[] internal entries;
    // In the order in which they were current. One that came back is there twice.
    Root[] internal roots;
    mapping(uint256 => bool) internal wasCurrent;
    uint256 internal keys;
    uint256 public lifts;

    constructor() {
        deployRegistry(EMPTY_STATUS_ROOT);
        _note();
    }

    function accredit(uint32 schema, uint32 lifetime) external {
        if (entries.length == MOST_ENTRIES) return;
        (BabyJubJub.Point memory key, BabyJubJub.Point memory eighth) = TestKeys.key(++keys);
        Model memory added;
        added.state = IssuerRegistry.State.Active;
        added.issuer = address(uint160(0x10000 + keys));
        added.schema = schema;
        added.accreditedUntil = uint40(block.timestamp + 1 + lifetime);
        (added.x, added.y, added.statusRoot) = (key.x, key.y, EMPTY_STATUS_ROOT);
        IssuerRegistry.Accreditation memory asked =
            IssuerRegistry.Accreditation(added.issuer, schema, added.accreditedUntil, key, eighth);
        decide(address(registry), abi.encodeCall(IssuerRegistry.accredit, (asked)));
        entries.push(added);
        _note();
    }

    function suspend(uint256 seed, uint256 member) external {
        (bool found, uint256 index) = _pick(seed, IssuerRegistry.State.Active, IssuerRegistry.State.Active);
        if (!found) return;
        bytes memory call = abi.encodeCall(IssuerRegistry.suspend, (index));
        done(members[member % members.length], address(registry), call);
        entries[index].state = IssuerRegistry.State.Suspended;
        ++entries[index].version;
        _note();
    }

    function lift(uint256 seed) external {
        (bool found, uint256 index) = _pick(seed, IssuerRegistry.State.Suspended, IssuerRegistry.State.Suspended);
        if (!found) return;
        decide(address(registry), abi.encodeCall(IssuerRegistry.lift, (index)));
        entries[index].state = IssuerRegistry.State.Active;
        ++entries[index].version;
        // Reinstatement never repeats a root.
        isTrue(!wasCurrent[registry.root()]);
        ++lifts;
        _note();
    }

    function end(uint256 seed) external {
        // Now and then: an ended entry is out of the game.
        if (seed % 8 != 0) return;
        (bool found, uint256 index) = _pick(seed / 8, IssuerRegistry.State.Active, IssuerRegistry.State.Suspended);
        if (!found) return;
        decide(address(registry), abi.encodeCall(IssuerRegistry.end, (index)));
        entries[index].state = IssuerRegistry.State.Ended;
        _note();
    }

    function rotate(uint256 seed) external {
        (bool found, uint256 index) = _pick(seed, IssuerRegistry.State.Active, IssuerRegistry.State.Suspended);
        if (!found) return;
        (BabyJubJub.Point memory key, BabyJubJub.Point memory eighth) = TestKeys.key(++keys);
        decide(address(registry), abi.encodeCall(IssuerRegistry.rotate, (index, key, eighth)));
        (entries[index].x, entries[index].y) = (key.x, key.y);
        ++entries[index].version;
        _note();
    }

    function renew(uint256 seed, uint32 lifetime) external {
        (bool found, uint256 index) = _pick(seed, IssuerRegistry.State.Active, IssuerRegistry.State.Suspended);
        if (!found) return;
        uint40 until = uint40(block.timestamp + 1 + lifetime);
        decide(address(registry), abi.encodeCall(IssuerRegistry.renew, (index, until)));
        entries[index].accreditedUntil = until;
        ++entries[index].version;
        _note();
    }

    /// Few status roots, so that some come back.
    function publish(uint256 seed, uint8 statusRoot, uint16 flip) external {
        (bool found, uint256 index) = _pick(seed, IssuerRegistry.State.Active, IssuerRegistry.State.Suspended);
        if (!found) return;
        uint256 before = entries[index].statusRoot;
        bytes memory flips = abi.encodePacked(uint24(flip));
        bytes memory call = abi.encodeCall(IssuerRegistry.publishStatus, (index, before, statusRoot % 4, flips));
        done(entries[index].issuer, address(registry), call);
        entries[index].statusRoot = statusRoot % 4;
        _note();
    }

    function wait_(uint16 time) external {
        vm.warp(block.timestamp + time);
    }

    /// The root of the model's leaves, by plain hashes.
    function modelRoot() external view returns (uint256) {
        return _node(5, 0);
    }

    /// Each of so many replaced roots is as fresh as its last replacement makes it, and the current one is.
    function requireFreshness(uint256 recent) external view {
        uint256 last = roots.length - 1;
        equal(registry.root(), roots[last].root);
        isTrue(registry.isFresh(roots[last].root, 0));
        uint256 outside;
        for (uint256 i = 0; i < entries.length; ++i) {
            if (entries[i].state != IssuerRegistry.State.Active) outside |= 1 << i;
        }
        // No entry that is suspended or ended is in it.
        isTrue(roots[last].holds & outside == 0);
        for (uint256 i = recent < last ? last - recent : 0; i < last; ++i) {
            (uint40 publishedAt, uint40 supersededAt) = registry.rootRecord(roots[i].root);
            isTrue(publishedAt != 0);
            if (supersededAt == 0) {
                equal(roots[i].root, roots[last].root);
                continue;
            }
            // A root that came back counts from its last replacement.
            isTrue(supersededAt >= roots[i].replacedAt);
            uint256 age = block.timestamp - supersededAt;
            isTrue(registry.isFresh(roots[i].root, age + 1));
            isTrue(registry.isFresh(roots[i].root, age) == (age != 0));
            if (age > 0) isTrue(!registry.isFresh(roots[i].root, age - 1));
        }
    }

    function model() external view returns (Model[] memory) {
        return entries;
    }

    function target() external view returns (IssuerRegistry) {
        return registry;
    }

    function _note() private {
        uint256 root = registry.root();
        if (roots.length != 0) {
            Root storage last = roots[roots.length - 1];
            if (last.root == root) return;
            last.replacedAt = block.timestamp;
        }
        uint256 holds;
        for (uint256 i = 0; i < entries.length; ++i) {
            if (entries[i].state == IssuerRegistry.State.Active) holds |= 1 << i;
        }
        roots.push(Root(root, 0, holds));
        wasCurrent[root] = true;
    }

    /// An entry in one of two states, from a random place on.
    function _pick(uint256 seed, IssuerRegistry.State one, IssuerRegistry.State other)
        private
        view
        returns (bool, uint256)
    {
        uint256 count = entries.length;
        for (uint256 i = 0; i < count; ++i) {
            uint256 index = addmod(seed, i, count);
            IssuerRegistry.State state = entries[index].state;
            if (state == one || state == other) return (true, index);
        }
        return (false, 0);
    }

    function _node(uint256 level, uint256 index) private view returns (uint256) {
        if (level == 0) return index < entries.length ? _leaf(entries[index]) : 0;
        uint256[5] memory children;
        if (index * 5 ** level >= entries.length) {
            uint256 empty = level == 1 ? 0 : _node(level - 1, index * 5);
            for (uint256 i = 0; i < 5; ++i) {
                children[i] = empty;
            }
        } else {
            for (uint256 i = 0; i < 5; ++i) {
                children[i] = _node(level - 1, index * 5 + i);
            }
        }
        return poseidon.hash(children);
    }

    function _leaf(Model storage entry) private view returns (uint256) {
        if (entry.state != IssuerRegistry.State.Active) return 0;
        uint256 meta = entry.schema + (uint256(entry.version) << 32) + (uint256(entry.accreditedUntil) << 48);
        return poseidon.hash([entry.x, entry.y, uint160(entry.issuer), entry.statusRoot, meta]);
    }
}

/// @title What holds of the registry after any sequence of acts.
contract RegistryInvariantTest is Harness {
    uint256 internal constant RECENT = 4;

    RegistryActor internal actor;

    function setUp() public {
        actor = new RegistryActor();
        vm.warp(START);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actor);
    }

    /// One invariant, since each would be a campaign of its own.
    function invariant_root_entries_and_freshness_are_those_of_the_acts() public view {
        equal(actor.target().root(), actor.modelRoot());
        actor.requireFreshness(RECENT);
        requireEntries();
    }

    /// At the end of each sequence.
    function afterInvariant() public view {
        actor.requireFreshness(type(uint256).max);
    }

    function requireEntries() internal view {
        RegistryActor.Model[] memory model = actor.model();
        equal(actor.target().entryCount(), model.length);
        for (uint256 i = 0; i < model.length; ++i) {
            IssuerRegistry.Entry memory entry = actor.target().entryAt(i);
            equal(uint256(entry.state), uint256(model[i].state));
            equal(entry.issuer, model[i].issuer);
            equal(entry.version, model[i].version);
            equal(entry.accreditedUntil, model[i].accreditedUntil);
            equal(entry.key.x, model[i].x);
            equal(entry.key.y, model[i].y);
            equal(entry.statusRoot, model[i].statusRoot);
        }
    }
}
